"""Peers that misbehave: servers on loopback that speak no more HTTP than a test needs."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

Behaviour = Callable[[socket.socket], None]


@contextlib.contextmanager
def peer(behave: Behaviour) -> Iterator[str]:
    """Serve `host:port` while the block lasts: every connection is handed to `behave`, and closed after it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        def handle(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                behave(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        # What `close` alone would not do: it wakes who waits in `accept`.
        listener.shutdown(socket.SHUT_RDWR)


def silent(connection: socket.socket) -> None:
    """Read, and never answer."""
    while connection.recv(65_536):
        pass


def dripping(connection: socket.socket) -> None:
    """Answer a byte at a time, without an end."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def hanging_up(connection: socket.socket) -> None:
    """Read the whole request, and close; what is left unread would reset the connection."""
    read_request(connection)


def answering(status: str, body: bytes = b"", *headers: str) -> Behaviour:
    """Return what answers every request with this."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""])

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head.encode() + body)

    return behave


def read_request(connection: socket.socket) -> tuple[str, dict[str, str], bytes]:
    """Return request line, headers by lower-case name, and body."""
    with connection.makefile("rb") as stream:
        line = stream.readline().decode().rstrip()
        headers = {}
        while text := stream.readline().decode().rstrip():
            name, _, value = text.partition(": ")
            headers[name.lower()] = value
        return line, headers, stream.read(int(headers.get("content-length", 0)))
