"""The floor: the same call with only the standard library, without any checks.

ACS3-HMAC-SHA256 as documented by Alibaba Cloud ("Request syntax and signature method V3"). Nobody would deploy it.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import time
import uuid
from typing import Any
from urllib.parse import quote, urlencode

_ALGORITHM = "ACS3-HMAC-SHA256"


def handler(event: bytes, _context: object) -> dict[str, Any]:
    """Call MuteCall with what the event's body holds."""
    query = urlencode(sorted(json.loads(json.loads(event)["body"]).items()), quote_via=quote)
    scheme, _, host = os.environ["CCC_ENDPOINT"].rpartition("://")
    headers = {
        "host": host,
        "x-acs-action": "MuteCall",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-security-token": os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": "2020-07-01",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(["POST", "/", query, lines, names, headers["x-acs-content-sha256"]])
    to_sign = f"{_ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"].encode()
    signature = hmac.new(secret, to_sign.encode(), hashlib.sha256).hexdigest()
    key = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
    headers["Authorization"] = f"{_ALGORITHM} Credential={key},SignedHeaders={names},Signature={signature}"
    connection = (http.client.HTTPConnection if scheme == "http" else http.client.HTTPSConnection)(host)
    connection.request("POST", f"/?{query}", headers=headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return {"statusCode": 200, "headers": {}, "isBase64Encoded": False, "body": json.dumps(answer)}
