"""The baseline: a handler as in the documentation of the product SDK, without any checks."""

from __future__ import annotations

import json
import os
from typing import Any

from alibabacloud_ccc20200701.client import Client
from alibabacloud_ccc20200701.models import MuteCallRequest
from alibabacloud_tea_openapi.utils_models import Config


def handler(event: bytes, _context: object) -> dict[str, Any]:
    """Call MuteCall with what the event's body holds."""
    scheme, _, endpoint = os.environ["CCC_ENDPOINT"].rpartition("://")
    client = Client(
        Config(
            access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            security_token=os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
            endpoint=endpoint,
            protocol=scheme or "https",
        )
    )
    answer = client.mute_call(MuteCallRequest().from_map(json.loads(json.loads(event)["body"])))
    return {"statusCode": 200, "headers": {}, "isBase64Encoded": False, "body": json.dumps(answer.body.to_map())}
