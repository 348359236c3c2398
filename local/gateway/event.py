"""The HTTP trigger's event, version v1, built from one plain request (pure)."""

import base64
import json
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from urllib.parse import parse_qsl, unquote_to_bytes

from local.gateway.errors import invalid_argument
from local.gateway.message import Request
from local.http.framing import TOKEN

TRIGGER_ID = "local"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TEXT = re.compile(r"text/.*|application/(json|xml|x-www-form-urlencoded)|.*\+(json|xml)|.*javascript")
# Of the client's x-fc-* headers these two are accepted (documented); that they reach the event is unconfirmed.
_ACCEPTED_FC_HEADERS = ("x-fc-invocation-type", "x-fc-log-type")
_CONNECTION_HEADERS = ("connection", "keep-alive", "transfer-encoding")


def canonical_header_name(name: str) -> str:
    """Return the name as Go's `CanonicalMIMEHeaderKey` writes it (documented for event headers).

    First letter and each letter after `-` upper case, the rest lower; a name with other than token characters
    is returned as it is.
    """
    return "-".join(part.capitalize() for part in name.split("-")) if TOKEN.fullmatch(name) else name


def build_event(request: Request, *, account_id: str, region: str) -> bytes:
    """Return the event the function gets for a request, as UTF-8 JSON.

    Field by field as documented for the HTTP trigger; `sourceIp` is the TCP peer (inferred), values of
    `queryParameters` are URL-decoded (unconfirmed), `headers` keeps `Host` (unconfirmed).

    Raises:
        RejectionError: the path is not URL-encoded UTF-8.
    """
    body, is_base64 = encode_body(request.header("content-type"), request.body)
    event = {
        "version": "v1",
        "rawPath": request.path,
        "body": body,
        "isBase64Encoded": is_base64,
        "headers": joined((canonical_header_name(name), _utf8(value)) for name, value in _accepted(request.headers)),
        "queryParameters": joined(parse_qsl(request.query, keep_blank_values=True, errors="replace")),
        "requestContext": {
            "accountId": account_id,
            "domainName": f"{TRIGGER_ID}.{region}.fcapp.run",
            "domainPrefix": TRIGGER_ID,
            "requestId": request.request_id,
            "time": rfc3339(request.received),
            "timeEpoch": str(int(request.received.timestamp() * 1000)),
            "http": {
                "method": request.method,
                "path": decode_path(request.path),
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": _utf8(request.header("user-agent")),
            },
        },
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def encode_body(content_type: str, body: bytes) -> tuple[str, bool]:
    """Return the event's `body` and `isBase64Encoded`.

    Function Compute encodes what it takes for binary; which types those are is not published (unconfirmed). The rule
    here: a text, JSON, XML, form or script type, or none, with bytes that are UTF-8, is text; all else is Base64.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type or _TEXT.fullmatch(media_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), True


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the pairs as a dict, the values of a repeated name joined with `,` (documented)."""
    result: dict[str, str] = {}
    for name, value in pairs:
        result[name] = f"{result[name]},{value}" if name in result else value
    return result


def decode_path(path: str) -> str:
    """Return the URL-decoded path.

    Raises:
        RejectionError: an escape without two hex digits, or bytes that are not UTF-8.
    """
    if _BAD_ESCAPE.search(path):
        raise invalid_argument("the path has a % without two hex digits")
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise invalid_argument("the path is not UTF-8") from None


def rfc3339(moment: datetime) -> str:
    """Return the moment in UTC, whole seconds, as `2023-09-05T06:41:11Z`."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _accepted(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        key = name.lower()
        if key in _ACCEPTED_FC_HEADERS or not (key.startswith("x-fc-") or key in _CONNECTION_HEADERS):
            yield name, value


def _utf8(value: str) -> str:
    # The server hands over one character per byte; Go takes the bytes for UTF-8 and its JSON replaces what is not.
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
