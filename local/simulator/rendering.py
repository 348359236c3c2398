"""Bodies as text: JSON where the client asks for it, else XML, each with the exact content type of the gateway."""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from local.simulator.request import Request

JSON_TYPE = "application/json;charset=utf-8"
XML_TYPE = "text/xml;charset=utf-8"

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def wants_json(request: Request) -> bool:
    """Say whether the client asked for JSON: `accept: application/json`, or the parameter `Format=JSON` in any case.

    Source: the RPC-style API reference; XML is the default.
    """
    accepted = ",".join(request.header_values.get("accept", [])).lower()
    media_types = {part.partition(";")[0].strip() for part in accepted.split(",")}
    return "application/json" in media_types or request.parameters.get("Format", "").upper() == "JSON"


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
    return f"<{name}>{_content(name, value)}</{name}>"


def _content(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(_element(key, item) for key, item in value.items())
    if name == "Recommend":
        return f"<![CDATA[{value}]]>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return escape(_NOT_XML.sub("\ufffd", text), quote=False)
