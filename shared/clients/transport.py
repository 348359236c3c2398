"""One HTTP request to the upstream, sent at most once and over by its deadline.

What an HTTP client usually does for its user is left out on purpose: no redirect is followed (the security token would
go with it), no proxy of the environment is used, nothing is sent again. `exchange` bounds what is received and waited
for, `connections` opens and keeps connections, `wire` writes requests and reads answers.
"""

import contextlib
import socket
import zlib
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from shared.clients import connections, wire
from shared.clients.connections import Connection
from shared.clients.exchange import (
    MAX_ANSWER_BYTES,
    Exchange,
    LostError,
    NotSentError,
    TransportError,
    UnreadableError,
    current,
)

__all__ = ["Answer", "Exchange", "LostError", "NotSentError", "TransportError", "UnreadableError", "current", "send"]

# For zlib; what is called deflate comes with and without its header.
_WINDOW_BITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


class Answer(NamedTuple):
    """The upstream's answer, unchanged except that it is decompressed."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


def send(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, connect_s: float, read_s: float
) -> Answer:
    """Send one request within `Exchange.current()` and return the answer, whatever its status.

    Args:
        method: upper case.
        url: absolute, `http` or `https`.
        headers: sent as they are.
        body: or none.
        connect_s: seconds to connect.
        read_s: seconds between two parts of the answer; the whole is bounded by the exchange.

    Raises:
        NotSentError: nothing was sent.
        LostError: sent, and no complete answer.
        UnreadableError: a whole answer that cannot be used.
    """
    exchange = current()
    try:
        scheme, _, path, query, _ = split = urlsplit(url)
        connection = connections.take(scheme, split.hostname or "", split.port)
        connection.connect_s, connection.read_s = connect_s, read_s
        target = f"{path or '/'}?{query}" if query else path or "/"
        return _exchanged(connection, method, target, headers, body)
    except TransportError:
        raise
    except Exception as error:  # noqa: BLE001 - with no memory, descriptor or thread free, anything comes from anywhere
        # Which name was looked up is the one thing that says what is wrong with it: a region, or an endpoint.
        looked_up = f": {split.hostname}" if isinstance(error, socket.gaierror) else ""
        raise (LostError if exchange.sent else NotSentError)(f"{type(error).__name__}{looked_up}") from None


def _exchanged(
    connection: Connection, method: str, target: str, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    """Return the answer; a connection is kept only after one that was whole, and that does not end it."""
    try:
        with connection.send(wire.request(method, target, connection.name, headers, body)) as stream:
            answer = wire.read_answer(stream)
        content = _unpacked(answer.body, answer.headers.get("content-encoding", "").lower())
    except BaseException:
        connection.close()
        raise
    if answer.reusable:
        connections.keep(connection)
    else:
        connection.close()
    return Answer(answer.status, answer.reason, answer.headers, content)


def _unpacked(content: bytes, encoding: str) -> bytes:
    """Return a body decompressed, if it was compressed.

    Once, and in one part: each further one would multiply the work that a server can make with the same bytes.

    Raises:
        UnreadableError: it is something else, or too long.
    """
    if "," in encoding:
        raise UnreadableError("compressed more than once")
    if not content or encoding not in _WINDOW_BITS:
        return content
    for bits in _WINDOW_BITS[encoding]:
        unpacker = zlib.decompressobj(bits)
        with contextlib.suppress(zlib.error):
            unpacked = unpacker.decompress(content, MAX_ANSWER_BYTES + 1)
            if len(unpacked) > MAX_ANSWER_BYTES:
                raise UnreadableError("oversized")
            if unpacker.eof and not unpacker.unused_data:
                return unpacked
    raise UnreadableError("wrongly compressed")
