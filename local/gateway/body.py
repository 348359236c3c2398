"""Reading a request's body off the wire, by its length or its chunks."""

import re
from collections.abc import Sequence
from io import BufferedIOBase

from local.gateway.message import invalid_argument

_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LINE = 4096
_TRAILERS = 64


def read_body(stream: BufferedIOBase, headers: Sequence[tuple[str, str]], limit: int) -> bytes:
    """Return the body the headers announce; none without ``Content-Length`` and ``Transfer-Encoding``.

    Raises:
        RejectionError: contradictory or malformed framing, a body cut short, more than ``limit`` bytes. What is left
            on the wire is unread then, and the connection good for nothing more.
    """
    codings = [value.strip().lower() for name, value in headers if name.lower() == "transfer-encoding"]
    lengths = {value.strip() for name, value in headers if name.lower() == "content-length"}
    if codings:
        if lengths or codings != ["chunked"]:
            raise invalid_argument("Transfer-Encoding must be chunked, once, and without Content-Length")
        return _read_chunks(stream, limit)
    if not lengths:
        return b""
    length = lengths.pop()
    if lengths or not _LENGTH.fullmatch(length):
        raise invalid_argument("Content-Length must be one number of bytes")
    return _read(stream, int(length), limit)


def _read_chunks(stream: BufferedIOBase, limit: int) -> bytes:
    chunks: list[bytes] = []
    left = limit
    while size := _chunk_size(stream):
        chunks.append(_read(stream, size, left))
        left -= size
        if stream.readline(3) not in {b"\r\n", b"\n"}:
            raise invalid_argument("a chunk is longer than its size")
    for _ in range(_TRAILERS):
        if stream.readline(_LINE) in {b"\r\n", b"\n"}:
            return b"".join(chunks)
    raise invalid_argument("the chunked body does not end")


def _chunk_size(stream: BufferedIOBase) -> int:
    match = _CHUNK_SIZE.fullmatch(stream.readline(_LINE))
    if not match:
        raise invalid_argument("a chunk has no valid size")
    return int(match[1], 16)


def _read(stream: BufferedIOBase, size: int, limit: int) -> bytes:
    if size > limit:
        raise invalid_argument("the body is too large")
    data = stream.read(size)
    if len(data) < size:
        raise invalid_argument("the body is shorter than announced")
    return data
