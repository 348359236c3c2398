"""One HTTP request to the upstream, sent at most once and over by its deadline.

What an HTTP client usually does for its user is left out on purpose: no redirect is followed (the security token would
go with it), no proxy of the environment is used, nothing is sent again. `exchange` bounds what is received and waited
for, `connections` opens and keeps connections.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from shared.clients import connections
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

_PIECE_BYTES = 65_536
_LEAST_STATUS, _BODILESS = 200, (204, 304)
# For zlib; what is called deflate comes with and without its header.
_WINDOW_BITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


class Answer(NamedTuple):
    """What the upstream answered, as it stands on the wire, but decompressed."""

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
        LostError: sent, and no whole answer.
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
        raise _kind_of(error, sent=exchange.sent)(f"{type(error).__name__}{looked_up}") from None


def _exchanged(
    connection: Connection, method: str, target: str, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    """Return the answer; a connection is kept only after one that was whole, and that does not end it."""
    try:
        connection.request(method, target, body, headers)
        with connection.getresponse() as response:
            current().expect_body()
            content = _unpacked(_whole(response), (response.getheader("content-encoding") or "").lower())
    except BaseException:
        connection.close()
        raise
    if connection.sock:
        connections.keep(connection)
    names = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, response.reason or "", names, content)


def _whole(response: http.client.HTTPResponse) -> bytes:
    """Return the body as it was sent.

    Raises:
        UnreadableError: no answer has such a status or two lengths, or it is too long.
        http.client.IncompleteRead: a part is missing.
    """
    if response.status < _LEAST_STATUS or response.status in _BODILESS:
        # The real answer may follow, and would be taken for that to the next request.
        raise UnreadableError(f"status {response.status}")
    if len(set(response.headers.get_all("content-length", []))) > 1:
        raise UnreadableError("several lengths")
    content = b"".join(_pieces(response))
    if response.length:
        raise http.client.IncompleteRead(b"")
    return content


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    size = 0
    while piece := response.read(_PIECE_BYTES):
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise UnreadableError("oversized")
        yield piece


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


def _kind_of(error: Exception, *, sent: bool) -> type[TransportError]:
    if not sent:
        return NotSentError
    lost = isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead))
    garbled = isinstance(error, http.client.HTTPException) and not lost
    # A ValueError is what http.client says of a chunk of negative length.
    return UnreadableError if garbled or isinstance(error, ValueError) else LostError
