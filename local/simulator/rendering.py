"""Bodies as text: JSON where the client asks for it, else XML, each with the exact content type of the gateway."""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from local.simulator.errors import GatewayError
from local.simulator.products.product import Product
from local.simulator.request import Request

JSON_TYPE = "application/json;charset=utf-8"
XML_TYPE = "text/xml;charset=utf-8"

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def wants_json(request: Request) -> bool:
    """Say whether the client asked for JSON by its `accept` header; XML is the default (RPC-style API reference)."""
    accepted = request.header("accept").lower().split(",")
    return "application/json" in {part.partition(";")[0].strip() for part in accepted}


def gateway_error(request_id: str, error: GatewayError, product: Product) -> dict[str, Any]:
    """Return the body of an error of the gateway in front of a product; source: public captures of several."""
    search = f"q={quote(error.code, errors='replace')}&product={product.name}&requestId={request_id}"
    return {
        "RequestId": request_id,
        "HostId": product.host_id,
        "Code": error.code,
        "Message": error.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?{search}",
    }


def render(body: Mapping[str, Any], *, root: str, as_json: bool) -> tuple[str, bytes]:
    """Return content type and text of a body; `root` names the outermost XML element."""
    if as_json:
        return JSON_TYPE, _encode(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
    return XML_TYPE, _encode(f"<?xml version='1.0' encoding='UTF-8'?>{_element(root, body)}")


def _encode(text: str) -> bytes:
    # A fault's text may hold a lone surrogate, which UTF-8 has no bytes for.
    return text.encode("utf-8", "replace")


def _element(name: str, value: object) -> str:
    """Return an element; a list is its items side by side under the same name, null is no element."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    return f"<{name}>{_content(value)}</{name}>"


def _content(value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(_element(key, item) for key, item in value.items())
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return escape(_NOT_XML.sub("\ufffd", text), quote=False)
