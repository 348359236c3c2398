"""A client for the tests of HTTP servers: one request, or raw bytes."""

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 60


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)


def read(connection: http.client.HTTPConnection) -> Reply:
    response = connection.getresponse()
    return Reply(response.status, response.headers, response.read())  # type: ignore[arg-type] # a Message reads like a Mapping


def send(
    url: str,
    body: bytes | str = b"",
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    connection = connect(url)
    try:
        connection.request(method, path, body, dict(headers or {}))
        return read(connection)
    finally:
        connection.close()


def send_raw(url: str, *parts: bytes) -> bytes:
    """Send bytes, say that no more come, and return everything the server sends until it closes."""
    with open_socket(url) as client:
        for part in parts:
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        return b"".join(receive(client))


def open_socket(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)


def receive(client: socket.socket) -> Iterable[bytes]:
    while data := client.recv(65536):
        yield data
