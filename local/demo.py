"""`make demo`: a webhook comes in, a call is muted, a slim status goes out."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from local.send.wire import Answer, Outgoing, exchange
from local.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack

__all__ = ["EVENT", "Answer", "main", "post"]

EVENT = Path(__file__).parent.parent / "events" / "http.json"


def post(url: str, event: Mapping[str, Any]) -> Answer:
    """Send the HTTP request that an event of the HTTP trigger stands for.

    Args:
        url: of the gateway.
        event: a decoded event, version v1.

    Raises:
        OSError, http.client.HTTPException: no answer.
    """
    content: str = event["body"]
    body = base64.b64decode(content) if event["isBase64Encoded"] else content.encode()
    query = urlencode(event["queryParameters"])
    target = event["rawPath"] + (f"?{query}" if query else "")
    headers = {name: value for name, value in event["headers"].items() if name not in ("Host", "Content-Length")}
    return exchange(Outgoing(url, event["requestContext"]["http"]["method"], target, headers, body))


def main() -> int:
    """Send the documented webhook and return 0 only if the call was muted."""
    event = json.loads(EVENT.read_text(encoding="utf-8"))
    # Whatever a shell holds for a deployment, the demo shows the shipped callers file and its event's token.
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN, "CALLERS_FILE": ""}) as (gateway, _):
        _show(f"POST {event['rawPath']}", event["body"])
        answer = post(gateway.url, event)
    _show(f"HTTP {answer.status} {answer.content_type}", answer.body)
    return 0 if json.loads(answer.body).get("status") == "muted" else 1


def _show(title: str, body: str) -> None:
    sys.stdout.write(f"{title}\n{json.dumps(json.loads(body), indent=2, ensure_ascii=False)}\n\n")


if __name__ == "__main__":
    sys.exit(main())
