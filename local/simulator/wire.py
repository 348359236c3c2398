"""HTTP/1.1 framing: how long a request's body is, and an answer's head as bytes."""

from email.message import Message
from email.utils import formatdate
from http import HTTPStatus

from local.simulator.delivery import Answer
from local.simulator.fault import NO_BODY

LARGEST_BODY = 1 << 20


class FramingError(ValueError):
    """A request whose body cannot be read: HTTP `status` and a text; the connection is of no more use."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def body_length(headers: Message) -> int:
    """Return how many bytes of body follow the head.

    Raises:
        FramingError: a chunked body (411), a length that is no number or given twice differently (400), or more than
            1 MiB (413).
    """
    if headers.get("transfer-encoding") is not None:
        raise FramingError(411, "Transfer-Encoding is not supported, send Content-Length")
    lengths = {value.strip() for value in headers.get_all("content-length", ["0"])}
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit()):
        raise FramingError(400, "Content-Length must be one number")
    # Counted before they are converted: int() refuses very long numbers, and leading zeros are digits to it.
    digits = length.lstrip("0") or "0"
    if len(digits) > len(str(LARGEST_BODY)) or int(digits) > LARGEST_BODY:
        raise FramingError(413, f"body must be at most {LARGEST_BODY} bytes")
    return int(digits)


def head(answer: Answer, *, keep_alive: bool) -> bytes:
    """Return status line and headers, the empty line included; 204 and 304 have no body and no length."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    lines = [
        f"HTTP/1.1 {answer.status} {phrase}",
        f"Date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        *([] if answer.status in NO_BODY else [f"Content-Length: {len(answer.body)}"]),
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
