"""An event of the HTTP trigger, sent as the HTTP request that it stands for."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from local.send.wire import Answer, Outgoing, exchange


def post(url: str, event: Mapping[str, Any]) -> Answer:
    """Send it and return the answer."""
    content: str = event["body"]
    body = base64.b64decode(content) if event["isBase64Encoded"] else content.encode()
    query = urlencode(event["queryParameters"])
    target = event["rawPath"] + (f"?{query}" if query else "")
    headers = {name: value for name, value in event["headers"].items() if name not in ("Host", "Content-Length")}
    return exchange(Outgoing(url, event["requestContext"]["http"]["method"], target, headers, body))
