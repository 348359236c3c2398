"""The platform's events: from an event to a request, and from a response to the object that the platform expects.

Function Compute calls the handler in two ways. Its HTTP trigger sends an event of version "v1", a JSON object with
`requestContext.http` (documentation: "HTTP trigger invocation", 2026-04-01). All other callers (InvokeFunction, the IVR
function block) send only the payload: a direct invocation.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast
from urllib.parse import unquote

from pydantic_core import from_json

from shared.problems import InternalError, MalformedRequest, PayloadTooLarge, Problem

MAX_BODY_BYTES = 262_144
_MAX_BASE64_CHARACTERS = -(-MAX_BODY_BYTES // 3) * 4
# All of an HTTP event but its body: the platform takes 8 KB of headers and 4 KB of path and query.
_REST_BYTES = 65_536
# An escape has at most six bytes (`\u0000`) for one byte of the body: it lengthens an event by five.
_BYTES_PER_ESCAPE = 5
_MAX_EVENT_BYTES = MAX_BODY_BYTES * (1 + _BYTES_PER_ESCAPE) + _REST_BYTES
_HTTP_MARK = b'"requestContext"'
# The platform accepts no longer path, so a longer one names no caller and is not decoded.
_MAX_PATH = 4096
# `json.dumps` would build one at every call.
_ENCODER = json.JSONEncoder(ensure_ascii=False)

PayloadFormat = Literal["auto", "json", "form"]


@dataclass(frozen=True)
class Request:
    """One request, without the platform.

    Attributes:
        direct: a direct invocation; it has a body and nothing else.
        method: upper case.
        caller_path: the last non-empty segment of the path, decoded; empty for an empty path. It names the caller.
        path: the whole path, decoded.
        raw_path: the whole path as it was sent.
        headers: by lower-case name; the platform joins repeated ones with a comma.
        query: by name, as in the event; the platform joins repeated ones with a comma.
        raw_query: the query as it was sent, without `?`; `None` where the platform hides it.
        source_ip: the peer that the platform saw.
        body: the bytes that the sender sent: what signatures are computed over.
        payload: how its caller has the body decoded: `auto` is by content type.
        fault: why the request or its body cannot be read, for the check whose turn it is; the body is empty then.
    """

    direct: bool = False
    method: str = "POST"
    caller_path: str = ""
    path: str = "/"
    raw_path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    raw_query: str | None = field(default=None, repr=False)
    source_ip: str = ""
    body: bytes = field(default=b"", repr=False)
    payload: PayloadFormat = "auto"
    fault: Problem | None = None

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        """Return the request with these headers added, names in lower case."""
        return replace(self, headers={**self.headers, **headers})

    def with_query(self, query: Mapping[str, str]) -> Request:
        """Return the request with these parameters added behind its own; how they are sent is not known."""
        return replace(self, query={**self.query, **query}, raw_query=None)


@dataclass(frozen=True)
class Response:
    """One response, without the platform: `body` is JSON, as an object or as its text."""

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def is_direct(event: object) -> bool:
    """Return whether an event has no mark of the HTTP trigger.

    What is large in one of that is its body alone: the mark stands near the beginning or near the end.
    """
    if not isinstance(event, bytes):
        return True
    return event.find(_HTTP_MARK, 0, _REST_BYTES) < 0 and event.find(_HTTP_MARK, -_REST_BYTES) < 0


def read_event(event: object) -> Request:
    """Return the request in an event of either kind; a request that cannot be read has a fault.

    Args:
        event: what the runtime passes: bytes (text is taken too).
    """
    fault: Problem
    try:
        return _read(event)
    except Problem as problem:
        fault = problem
    except Exception as error:  # noqa: BLE001 - the platform would show the caller a stack trace
        fault = InternalError.at(error)
    return Request(direct=is_direct(event), fault=fault)


def _read(event: object) -> Request:
    """Return the request of an event.

    Raises:
        PayloadTooLarge: longer than a body within the limit can make it; it is neither parsed nor copied.
        MalformedRequest: the event is not JSON object.
    """
    if not isinstance(event, (bytes, str)):
        raise MalformedRequest("event is neither bytes nor text")
    if len(event) > _MAX_EVENT_BYTES:
        raise PayloadTooLarge(f"event has {len(event)} bytes")
    content = event.encode("utf-8", "surrogatepass") if isinstance(event, str) else event
    _check_event_size(content)
    try:
        value = _json(content)
    except (ValueError, RecursionError):
        raise MalformedRequest("event is not JSON") from None
    if isinstance(value, dict) and isinstance(http := _table(value, "requestContext").get("http"), dict):
        return _http_request(value, http)
    if len(content) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"event has {len(content)} bytes")
    return Request(direct=True, body=content)


def _json(content: bytes) -> object:
    if content.isascii():
        # With many escapes this takes half the time.
        return json.loads(content.decode())
    try:
        # Straight from the bytes: as a text all of it may take four bytes a character.
        return from_json(content, cache_strings="none")
    except ValueError:
        # A lone surrogate is valid JSON (RFC 8259, section 8.2), and nothing else here fails on it.
        if b"\\ud" in content.lower():
            return json.loads(content)
        raise


def _check_event_size(event: bytes) -> None:
    size = len(event)
    if size <= MAX_BODY_BYTES:
        return
    most = MAX_BODY_BYTES
    if not is_direct(event):
        most = _MAX_BASE64_CHARACTERS + _REST_BYTES
        if size > most:
            most = MAX_BODY_BYTES + _BYTES_PER_ESCAPE * event.count(b"\\") + _REST_BYTES
    if size > most:
        raise PayloadTooLarge(f"event has {size} bytes")


def _http_request(event: Mapping[str, Any], http: Mapping[str, Any]) -> Request:
    body, fault = b"", None
    try:
        body = _body_of(_text(event, "body"), is_base64=event.get("isBase64Encoded") is True)
    except Problem as problem:
        fault = problem
    return http_request(
        _text(http, "method"),
        _text(event, "rawPath") or _text(http, "path"),
        headers=_strings(event, "headers"),
        query=_strings(event, "queryParameters"),
        source_ip=_text(http, "sourceIp"),
        body=body,
        fault=fault,
    )


def http_request(  # noqa: PLR0913 - all that a request has
    method: str,
    raw_path: str,
    *,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
    raw_query: str | None = None,
    source_ip: str = "",
    fault: Problem | None = None,
) -> Request:
    """Return an HTTP request.

    Args:
        method: in any case.
        raw_path: as it was sent, without the query.
        headers: by name in any case.
        query: decoded; repeated names joined with a comma.
        body: as it was sent.
        raw_query: as it was sent, without `?`; `None` where the platform hides it.
        source_ip: empty if it is unknown.
        fault: why the body cannot be read.
    """
    decode = unquote if len(raw_path) <= _MAX_PATH else str
    return Request(
        method=method.upper(),
        caller_path=decode(raw_path.rstrip("/").rpartition("/")[2]),
        path=decode(raw_path),
        raw_path=raw_path,
        headers={name.lower(): value for name, value in headers.items()},
        query=query,
        raw_query=raw_query,
        source_ip=source_ip,
        body=body,
        fault=fault,
    )


def _body_of(content: str, *, is_base64: bool) -> bytes:
    """Return the body in the text of an event.

    Raises:
        PayloadTooLarge: more than 256 KiB.
        MalformedRequest: bad base64, or text that is no UTF-8.
    """
    # By the length of the encoded text, before it is decoded.
    padding = content[-2:].count("=") if is_base64 else 0
    size = len(content) // 4 * 3 - padding if is_base64 else len(content)
    if size > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"body has {size} bytes")
    try:
        body = base64.b64decode(content, validate=True) if is_base64 else content.encode()
    except ValueError:
        raise MalformedRequest("body is not base64 or not UTF-8") from None
    # Padding and last bits, which Python's versions judge differently.
    if is_base64 and base64.b64encode(body).decode() != content:
        raise MalformedRequest("body is not canonical base64")
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLarge(f"body has {len(body)} bytes")
    return body


def to_direct(response: Response) -> dict[str, Any]:
    """Return the response to a direct invocation: only its body."""
    return dict(cast("Mapping[str, Any]", response.body))


def to_http(response: Response) -> dict[str, Any]:
    """Return the response in the form that the HTTP trigger takes; all four keys, one value per header."""
    return {
        "statusCode": response.status,
        "headers": headers_of(response),
        "isBase64Encoded": False,
        "body": body_of(response),
    }


def headers_of(response: Response) -> dict[str, str]:
    """Return all headers of the response, its content type included."""
    return {"Content-Type": response.content_type, "Cache-Control": "no-store", **response.headers}


def body_of(response: Response) -> str:
    """Return the body as text."""
    return response.body if isinstance(response.body, str) else _ENCODER.encode(response.body)


def _table(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _strings(holder: Mapping[str, Any], name: str) -> dict[str, str]:
    return {key: value for key, value in _table(holder, name).items() if isinstance(value, str)}


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""
