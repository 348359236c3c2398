"""Scripted faults: what `POST /_simulator/faults` takes, checked field by field."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_MS = 3_600_000
MOST_TIMES = 1000
NO_BODY = frozenset({204, 304})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The server computes these itself; a second value would make the answer ambiguous.
FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


class FaultError(ValueError):
    """A fault that cannot be scripted; the text names the field and what is wrong."""


@dataclass(frozen=True)
class Fault:
    """One fault; which fields count depends on `kind`, as `KINDS` says."""

    kind: str
    http_status: int = 302
    code: str = ""
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    ms: int = 0
    when: str = "before"
    content_type: str = "text/plain"
    body: bytes = b""
    broken: bool = False
    location: str = ""


@dataclass(frozen=True)
class Kind:
    """The fields a kind of fault must and may have, beside `kind` and `times`."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


KINDS: dict[str, Kind] = {
    "error": Kind(frozenset({"http_status", "code"}), frozenset({"message", "headers"})),
    "delay": Kind(frozenset({"ms"})),
    "drop": Kind(optional=frozenset({"when"})),
    "raw": Kind(frozenset({"http_status"}), frozenset({"content_type", "body", "body_base64", "headers"})),
    "drip": Kind(frozenset({"ms"})),
    "truncate": Kind(),
    "gzip": Kind(optional=frozenset({"broken"})),
    "redirect": Kind(frozenset({"location"}), frozenset({"http_status"})),
}


def parse(script: object) -> tuple[Fault, int]:
    """Return the fault a decoded JSON object describes, and how many times it is to happen.

    Raises:
        FaultError: no object, an unknown kind, a field that is missing, unknown or of a wrong value.
    """
    if not isinstance(script, Mapping):
        raise FaultError("fault: must be a JSON object")
    name = script.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        raise FaultError(f"kind: must be one of {', '.join(KINDS)}")
    kind = KINDS[name]
    for missing in sorted(kind.required - set(script)):
        raise FaultError(f"{missing}: required for {name}")
    for unknown in sorted(set(script) - kind.required - kind.optional - {"kind", "times"}):
        raise FaultError(f"{unknown}: not a field of {name}")
    values = {key: CHECKS[key](key, value) for key, value in script.items() if key != "kind"}
    times = values.pop("times", 1)
    if "body_base64" in values:
        if "body" in values:
            raise FaultError("body_base64: not beside body")
        values["body"] = values.pop("body_base64")
    fault = Fault(name, **values)
    _check_together(fault)
    return fault, times


def _check_together(fault: Fault) -> None:
    if fault.kind == "redirect" and fault.http_status not in REDIRECTS:
        raise FaultError(f"http_status: must be one of {sorted(REDIRECTS)}")
    if fault.http_status in NO_BODY and fault.body:
        raise FaultError(f"body: not allowed with {fault.http_status}")
    if fault.kind == "error" and fault.http_status in NO_BODY:
        raise FaultError(f"http_status: {fault.http_status} has no body, and an error needs one")


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
    # A line break would start another header; the wire knows Latin-1 only.
    text = _text(name, value)
    if not re.fullmatch(r"[\t\x20-\x7e\xa0-\xff]*", text):
        raise FaultError(f"{name}: must be printable Latin-1")
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
}
