"""From what the function returned to the HTTP answer (pure)."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from local.gateway.errors import UNHANDLED, RejectionError
from local.gateway.event import canonical_header_name
from local.http import Answer
from local.http.framing import TOKEN

HEADER_LIMIT = 8 * 1024
_RESERVED = ("connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def answer_from(payload: bytes) -> Answer:
    """Return the HTTP answer for a handler's serialised result.

    A JSON object with `statusCode` is the documented response; the strictness about its members is this gateway's,
    so that mistakes show here (what the platform does with them is unconfirmed). Everything else is the body of a 200
    (unconfirmed).

    Raises:
        RejectionError: 502 `BadResponse` (documented for headers beyond 8 KB in all).
    """
    value = _object(payload)
    if "statusCode" not in value:
        return Answer(200, {"Content-Type": "application/json"}, payload)
    status = value["statusCode"]
    if not isinstance(status, int) or not 200 <= status <= 599:  # noqa: PLR2004 - what a final HTTP status can be
        raise bad_response("statusCode must be a number from 200 to 599")
    return Answer(status, _headers(value.get("headers")), _body(value.get("body"), value.get("isBase64Encoded")))


def bad_response(message: str) -> RejectionError:
    """Return the refusal of a response: 502 `BadResponse`, counted as the function's error (documented, FC 2.0)."""
    return RejectionError(502, "BadResponse", message, UNHANDLED)


def is_reserved(name: str, value: str) -> bool:
    """Say whether the platform drops this response header (documented; `transfer-encoding`: inferred)."""
    key = name.lower()
    forced_download = key == "content-disposition" and value.strip().lower().startswith("attachment")
    return key.startswith("x-fc-") or key in _RESERVED or forced_download


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _headers(headers: object) -> dict[str, str]:
    if headers is None:
        return {}
    if not isinstance(headers, dict):
        raise bad_response("headers must be an object")
    for name, value in headers.items():
        if not TOKEN.fullmatch(name) or not isinstance(value, str) or _CONTROL.search(value):
            raise bad_response(f"header {name!r} must have a valid name and be a string on one line")
    if sum(len(name) + len(value.encode()) for name, value in headers.items()) > HEADER_LIMIT:
        raise bad_response(f"headers exceed {HEADER_LIMIT} bytes")
    return {canonical_header_name(name): value for name, value in headers.items() if not is_reserved(name, value)}


def _body(body: object, is_base64: object) -> bytes:
    if not isinstance(body, str | None):
        raise bad_response("body must be a string")
    if not isinstance(is_base64, bool | None):
        raise bad_response("isBase64Encoded must be true or false")
    try:
        return base64.b64decode(body or "", validate=True) if is_base64 else (body or "").encode()
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise bad_response("body is not what isBase64Encoded says") from None
