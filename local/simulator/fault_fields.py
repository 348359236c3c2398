"""The fields a scripted fault is written in, each with the check its value has to pass."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.simulator.products import BY_ACTION

LONGEST_MS = 3_600_000
MOST_TIMES = 1000
# The server computes these itself; a second value would make the answer ambiguous.
FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


class FaultError(ValueError):
    """A fault that cannot be scripted; the text names the field and what is wrong."""


def _integer(low: int, high: int) -> Callable[[str, object], int]:
    def check(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise FaultError(f"{name}: must be an integer from {low} to {high}")
        return value

    return check


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise FaultError(f"{name}: must be a string")
    return value


def _name(name: str, value: object) -> str:
    if not _text(name, value):
        raise FaultError(f"{name}: must not be empty")
    return str(value)


def _header_value(name: str, value: object) -> str:
    # A line break would start another header, and headers must be ASCII.
    text = _text(name, value)
    if not re.fullmatch(r"[\t\x20-\x7e]*", text):
        raise FaultError(f"{name}: must be printable ASCII")
    return text


def _headers(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise FaultError(f"{name}: must be a JSON object")
    for header in value:
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", header) or header.lower() in FRAMING:
            raise FaultError(f"{name}: {header!r} is not a header that can be set")
    return {header: _header_value(f"{name}: {header}", text) for header, text in value.items()}


def _when(name: str, value: object) -> str:
    if value not in ("before", "after"):
        raise FaultError(f"{name}: must be before or after")
    return str(value)


def _action(name: str, value: object) -> str:
    # A fault for an action that does not exist would wait forever.
    if not isinstance(value, str) or value not in BY_ACTION:
        raise FaultError(f"{name}: must be one of {', '.join(BY_ACTION)}")
    return value


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise FaultError(f"{name}: must be true or false")
    return value


def _body(name: str, value: object) -> bytes:
    try:
        return _text(name, value).encode()
    except UnicodeEncodeError:
        raise FaultError(f"{name}: must be valid Unicode") from None


def _base64(name: str, value: object) -> bytes:
    try:
        return base64.b64decode(_text(name, value), validate=True)
    except ValueError:  # binascii.Error, and what is not even ASCII
        raise FaultError(f"{name}: must be base64") from None


CHECKS: dict[str, Callable[[str, object], Any]] = {
    "times": _integer(1, MOST_TIMES),
    "http_status": _integer(200, 599),
    "code": _name,
    "message": _text,
    "headers": _headers,
    "ms": _integer(0, LONGEST_MS),
    "when": _when,
    "content_type": _header_value,
    "body": _body,
    "body_base64": _base64,
    "broken": _boolean,
    "location": _header_value,
    "action": _action,
}
