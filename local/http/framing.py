"""HTTP/1.1 framing: a request's target, headers and body off the wire, and an answer's head as bytes."""

import re
from collections.abc import Sequence
from email import errors
from email.message import Message
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedIOBase
from urllib.parse import SplitResult, urlsplit

from local.http.message import Answer, MalformedError

# RFC 9110 token characters: what a header's name consists of.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
NO_BODY = (204, 304)

Headers = tuple[tuple[str, str], ...]

_BLANKS = " \t"
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LINE = 4096
_TRAILERS = 64
# The parser takes what follows such a line for a body, silently; a multipart body's own defects do not count.
_DEFECTS = (
    errors.FirstHeaderLineIsContinuationDefect,
    errors.InvalidHeaderDefect,
    errors.MisplacedEnvelopeHeaderDefect,
    errors.MissingHeaderBodySeparatorDefect,
)


def read_headers(message: Message) -> Headers:
    """Return the headers in order, values without the blanks around them.

    Raises:
        MalformedError: a line that is no header, or a folded one, which is obsolete.
    """
    headers = tuple((name, value.strip(_BLANKS)) for name, value in message.items())
    invalid = (not TOKEN.fullmatch(name) or any(each in value for each in "\0\r\n") for name, value in headers)
    if message.get_unixfrom() or any(isinstance(each, _DEFECTS) for each in message.defects) or any(invalid):
        raise MalformedError("a header line is malformed")
    return headers


def origin_form(target: str) -> str:
    """Return path and query of a request target, also of one in absolute form.

    Raises:
        MalformedError: neither form, or characters that a URL has to encode.
    """
    if target.isascii() and target.isprintable():
        if _is_absolute(target):
            path, query = _split(target)[2:4]
            target = (path or "/") + ("?" + query if query else "")
        if target.startswith("/"):
            return target
    raise MalformedError("the request target must be a URL-encoded path")


def as_addressed(headers: Headers, target: str) -> Headers:
    """Return the headers with the host that a target in absolute form names: it counts, not ``Host`` (RFC 9112 §3.2.2).

    Raises:
        MalformedError: the target cannot be read.
    """
    if not _is_absolute(target):
        return headers
    host = _split(target).netloc.rpartition("@")[2]
    return (("Host", host), *(header for header in headers if header[0].lower() != "host"))


def read_body(stream: BufferedIOBase, headers: Sequence[tuple[str, str]], limit: int) -> bytes:
    """Return the body that the headers announce; none without ``Content-Length`` and ``Transfer-Encoding``.

    Raises:
        MalformedError: contradictory or malformed framing, a body cut short, or one of more than ``limit`` bytes (413).
            The rest stays unread, so the connection cannot be used again.
    """
    codings = [value.strip(_BLANKS).lower() for name, value in headers if name.lower() == "transfer-encoding"]
    lengths = {value.strip(_BLANKS) for name, value in headers if name.lower() == "content-length"}
    if codings:
        if lengths or codings != ["chunked"]:
            raise MalformedError("Transfer-Encoding must be chunked, once, and without Content-Length")
        return _read_chunks(stream, limit)
    if not lengths:
        return b""
    length = lengths.pop()
    if lengths or not _LENGTH.fullmatch(length):
        raise MalformedError("Content-Length must be one number of bytes")
    return _read(stream, int(length), limit)


def head(answer: Answer, *, close: bool) -> bytes:
    """Return status line and headers, the empty line included; 204 and 304 have no body and no length."""
    phrase = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Unknown"
    framing = {"Date": formatdate(usegmt=True)}
    if answer.status not in NO_BODY:
        framing["Content-Length"] = str(len(answer.body))
    if close:
        framing["Connection"] = "close"
    headers = answer.with_headers(framing).headers
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _is_absolute(target: str) -> bool:
    return target.lower().startswith(("http://", "https://"))


def _split(target: str) -> SplitResult:
    try:
        return urlsplit(target)
    except ValueError:
        raise MalformedError("the request target must be a URL-encoded path") from None


def _read_chunks(stream: BufferedIOBase, limit: int) -> bytes:
    chunks: list[bytes] = []
    left = limit
    while size := _chunk_size(stream):
        chunks.append(_read(stream, size, left))
        left -= size
        if stream.readline(3) not in {b"\r\n", b"\n"}:
            raise MalformedError("a chunk is longer than its size")
    for _ in range(_TRAILERS):
        if stream.readline(_LINE) in {b"\r\n", b"\n"}:
            return b"".join(chunks)
    raise MalformedError("the chunked body does not end")


def _chunk_size(stream: BufferedIOBase) -> int:
    match = _CHUNK_SIZE.fullmatch(stream.readline(_LINE))
    if not match:
        raise MalformedError("a chunk has no valid size")
    return int(match[1], 16)


def _read(stream: BufferedIOBase, size: int, limit: int) -> bytes:
    if size > limit:
        raise MalformedError("the body is too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    data = stream.read(size)
    if len(data) < size:
        raise MalformedError("the body is shorter than announced")
    return data
