"""One HTTP request on the wire, sent or written as a command."""

from __future__ import annotations

import contextlib
import http.client
import json
import shlex
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from shared.clients.deadline import OverdueError, run_within

# What `exchange` raises for want of an answer; UnicodeError is a host name that cannot be looked up.
NO_ANSWER = (OSError, http.client.HTTPException, UnicodeError)
_TIMEOUT_S = 10
# The longest of the function is its document, by far less.
_LONGEST_ANSWER = 4 * 1024 * 1024
# Linux takes 128 KiB as one argument of a command.
_LONGEST_ARGUMENT = 100_000


@dataclass(frozen=True)
class Outgoing:
    """What is sent.

    Attributes:
        origin: `http://host[:port]`, or https.
        method: upper case.
        target: path and query, as on the request line.
        headers: by name.
        body: the bytes that the credential covers.
    """

    origin: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """An HTTP answer as a caller sees it.

    Attributes:
        status: of HTTP.
        content_type: of the body.
        body: as text.
        error_type: there where the platform has failed, not the function.
        request_id: the platform's for this request, empty where none has answered.
    """

    status: int
    content_type: str
    body: str
    error_type: str = ""
    request_id: str = ""


def object_in(content: str | bytes) -> dict[str, Any]:
    """Return the JSON object that an answer's body is, an empty one if it is anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def exchange(outgoing: Outgoing, patience: float = _TIMEOUT_S) -> Answer:
    """Send a request and return its answer.

    Args:
        outgoing: what is sent.
        patience: seconds after which an answer that is not whole is none.

    Raises:
        OSError, http.client.HTTPException: no answer, or one without end.
    """
    url = urlsplit(outgoing.origin)
    # http.client, since it knows nothing of the shell's proxies.
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.netloc, timeout=patience)
    opened: list[socket.socket] = []
    try:
        # The connection's own limit begins anew with each byte.
        return run_within(partial(_answer, connection, opened, outgoing), time.monotonic() + patience)
    except OverdueError:
        raise TimeoutError("timed out") from None
    finally:
        for each in opened:
            # Wakes a thread that was left behind.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        connection.close()


def _answer(connection: http.client.HTTPConnection, opened: list[socket.socket], outgoing: Outgoing) -> Answer:
    connection.connect()
    opened.append(connection.sock)
    headers = {name: value.encode() for name, value in outgoing.headers.items()}
    connection.request(outgoing.method, outgoing.target, outgoing.body or None, headers)
    with connection.getresponse() as response:
        content_type = response.getheader("Content-Type", "")
        error_type = response.getheader("X-Fc-Error-Type", "")
        request_id = response.getheader("X-Fc-Request-Id", "")
        body = response.read(_LONGEST_ANSWER + 1)
        if len(body) > _LONGEST_ANSWER:
            raise http.client.HTTPException(f"the answer has more than {_LONGEST_ANSWER} bytes")
        if response.length:
            # With a limit `read` says nothing of it.
            raise http.client.IncompleteRead(body, response.length)
    return Answer(response.status, content_type, body.decode("utf-8", "replace"), error_type, request_id)


def curl(outgoing: Outgoing) -> str:
    """Return the command for a POSIX shell that sends a request, byte for byte, past the shell's proxies too."""
    is_bare = not outgoing.body and outgoing.method in ("GET", "HEAD")
    # With `-X HEAD` curl would wait for the body that the answer only announces.
    method = ["--head"] if is_bare and outgoing.method == "HEAD" else ["-X", outgoing.method]
    words = ["curl", "-sS", "--noproxy", "*", *method, outgoing.origin + outgoing.target]
    if "/." in outgoing.target:
        words.append("--path-as-is")
    for name, value in outgoing.headers.items():
        # With a colon and nothing behind it curl leaves the header out.
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    if is_bare:
        return shlex.join(words)
    if "content-type" not in outgoing.headers:
        # Or curl calls it a form.
        words += ["-H", "Content-Type:"]
    text = _as_argument(outgoing.body)
    if text is not None:
        return shlex.join([*words, "--data-raw", text])
    octal = "".join(f"\\{byte:03o}" for byte in outgoing.body)
    return f"printf '{octal}' | {shlex.join([*words, '--data-binary', '@-'])}"


def _as_argument(body: bytes) -> str | None:
    """Return a body as the argument of a command, `None` if it cannot be one."""
    if b"\0" in body or len(body) > _LONGEST_ARGUMENT:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
