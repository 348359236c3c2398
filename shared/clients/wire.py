"""HTTP/1.1 as it stands on the wire: one request written, one answer read.

The standard library's `http.client` reads headers with its parser of mail: to import and to run, that takes longer than
all of this. Time and size are bounded below it, by the socket that is read; see `exchange`.
"""

import re
from collections.abc import Iterator, Mapping
from io import BufferedReader
from typing import NamedTuple

from shared.clients.exchange import MAX_ANSWER_BYTES, LostError, UnreadableError, current

_LINE_BYTES, _PIECE_BYTES, _MOST_HEADERS = 65_536, 65_536, 100
_CONTINUE, _LEAST_STATUS, _BODILESS = 100, 200, (204, 304)
_BLANK = (b"\r\n", b"\n")
_MOST_DIGITS, _STATUS_DIGITS = 18, 3


class Received(NamedTuple):
    """An answer.

    Attributes:
        status: of HTTP.
        reason: beside it.
        headers: by names in lower case; values of the same name are one, with commas between them.
        body: as it was sent, not decompressed.
        reusable: whether another request may follow over the connection.
    """

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    reusable: bool


def request(method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Return a request as it is sent.

    Args:
        method: upper case.
        target: path and query.
        host: for the header of that name.
        headers: sent as they are; only those that HTTP needs are added.
        body: or none.

    Raises:
        ValueError: there is a character that would end a line, or none of Latin-1.
    """
    added = {"Host": host, "Accept-Encoding": "identity"}
    if body is not None or method not in ("GET", "HEAD"):
        added["Content-Length"] = str(len(body or b""))
    given = {name.lower() for name in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in added.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if " " in target or not all(map(str.isprintable, lines)):
        raise ValueError
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def read_answer(stream: BufferedReader) -> Received:
    """Return an answer, whole.

    Raises:
        LostError: a part is missing.
        UnreadableError: it is no HTTP, no answer has such a status or two lengths, or it is too long.
    """
    while (begun := _read_status(stream))[1] == _CONTINUE:
        _read_headers(stream)
    version, status, reason = begun
    headers = _read_headers(stream)
    current().expect_body()
    if status < _LEAST_STATUS or status in _BODILESS:
        # The real answer may follow, and would be taken for that to the next request.
        raise UnreadableError(f"status {status}")
    coding, length = headers.get("transfer-encoding", "").lower(), _length_of(headers)
    if coding not in ("", "chunked"):
        raise UnreadableError("unknown transfer coding")
    pieces, size = [], 0
    for piece in _chunks(stream) if coding else _pieces(stream, length):
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise UnreadableError("oversized")
        pieces.append(piece)
    connection = headers.get("connection", "").lower()
    kept = "keep-alive" in connection if version == "HTTP/1.0" else "close" not in connection
    return Received(status, reason, headers, b"".join(pieces), kept and bool(coding or length is not None))


def _read_line(stream: BufferedReader) -> bytes:
    line = stream.readline(_LINE_BYTES + 1)
    if len(line) > _LINE_BYTES:
        raise UnreadableError("LineTooLong")
    return line


def _read_status(stream: BufferedReader) -> tuple[str, int, str]:
    line = _read_line(stream)
    if not line:
        raise LostError("RemoteDisconnected")
    version, code, reason = [*line.decode("latin-1").strip().split(" ", 2), "", ""][:3]
    if not version.startswith("HTTP/1.") or len(code) != _STATUS_DIGITS or not code.isdecimal():
        raise UnreadableError("BadStatusLine")
    return version, int(code), reason


def _read_headers(stream: BufferedReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    name = ""
    for _ in range(_MOST_HEADERS):
        line = _read_line(stream)
        if line in _BLANK:
            return headers
        if not line:
            raise LostError("IncompleteRead")
        text = line.decode("latin-1")
        if name and text[0] in " \t":
            # The line before it goes on.
            headers[name] = f"{headers[name]} {text.strip()}"
            continue
        given, colon, value = text.partition(":")
        if not colon or not given or given != given.strip():
            raise UnreadableError("malformed header")
        name, value = given.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise UnreadableError("too many headers")


def _length_of(headers: Mapping[str, str]) -> int | None:
    if "content-length" not in headers:
        return None
    length, *others = {text.strip() for text in headers["content-length"].split(",")}
    if others:
        raise UnreadableError("several lengths")
    if len(length) > _MOST_DIGITS or not length.isdecimal():
        raise UnreadableError("malformed length")
    return int(length)


def _pieces(stream: BufferedReader, length: int | None) -> Iterator[bytes]:
    """Yield so many bytes, or all until the end."""
    while length is None or length:
        piece = stream.read(min(length or _PIECE_BYTES, _PIECE_BYTES))
        if piece:
            length = length and length - len(piece)
            yield piece
        elif length is None:
            return
        else:
            raise LostError("IncompleteRead")


def _chunks(stream: BufferedReader) -> Iterator[bytes]:
    while size := _chunk_size(stream):
        yield from _pieces(stream, size)
        if _whole_line(stream) not in _BLANK:
            raise UnreadableError("malformed chunk")
    # Trailers; nothing needs them.
    while _read_line(stream) not in (*_BLANK, b""):
        pass


def _chunk_size(stream: BufferedReader) -> int:
    digits = _whole_line(stream).partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", digits):
        raise UnreadableError("malformed chunk")
    return int(digits, 16)


def _whole_line(stream: BufferedReader) -> bytes:
    line = _read_line(stream)
    if not line.endswith(b"\n"):
        raise LostError("IncompleteRead")
    return line
