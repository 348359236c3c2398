"""Events, contexts and environments whose defaults are valid: a test bends one thing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN = "token-of-the-default-caller"
REQUEST_ID = "1-64f6cd87-0f0e0d0c0b0a0908"
CHANNEL = "ch:user:13188888888->80011474:1609253204816:job-65815360847228928"
PAYLOAD: Mapping[str, Any] = {
    "DeviceId": "ACC-YUNBS-1.0.10-bs736efb521810000176aef6e955",
    "InstanceId": "ccc-test",
    "JobId": "job-65815360847228928",
    "UserId": "user-test@ccc-test",
}
# What the answer to that says of the simulated call, beside its request id.
MUTED: Mapping[str, Any] = {
    "status": "muted",
    "muted": True,
    "instance_id": "ccc-test",
    "job_id": "job-65815360847228928",
    "user_id": "user-test@ccc-test",
    "call_type": "OUTBOUND",
    "channel_state": "ANSWERED",
    "user_state": "TALKING",
    "replayed": False,
}
# The keys of the log line, in their order.
LOG_KEYS = [
    "timestamp",
    "level",
    "event",
    "action",
    "request_id",
    "traceparent",
    "caller",
    "code",
    "status",
    "retryable",
    "instance_id",
    "job_id",
    "upstream_code",
    "upstream_request_id",
    "attempts",
    "upstream_ms",
    "duration_ms",
    "cold_start",
    "replayed",
    "reason",
]
CREDENTIALS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.local",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local-secret",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "local-token",
}


def environment(**changes: str) -> dict[str, str]:
    """An environment of the python3.12 runtime in which the shipped callers file works."""
    return {**CREDENTIALS, "MUTE_CALL_TOKEN": TOKEN, **changes}


@dataclass
class Context312:
    """The context of python3.12: no credentials."""

    request_id: str = REQUEST_ID
    region: str = "cn-shanghai"


@dataclass
class RoleCredentials:
    access_key_id: str = "STS.local"
    access_key_secret: str = "local-secret"
    security_token: str = "local-token"


@dataclass
class Context310(Context312):
    """The context of python3.10."""

    credentials: RoleCredentials = field(default_factory=RoleCredentials)


def http_event(
    payload: object = PAYLOAD,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    token: str | None = TOKEN,
    query: Mapping[str, str] | None = None,
    source_ip: str = "203.0.113.9",
    body: str | None = None,
    is_base64: bool = False,
) -> bytes:
    """An event of the HTTP trigger, version v1; `headers` are added to the usual ones."""
    usual = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    event = {
        "version": "v1",
        "rawPath": path,
        "body": json.dumps(payload) if body is None else body,
        "isBase64Encoded": is_base64,
        "headers": usual | dict(headers or {}),
        "queryParameters": dict(query or {}),
        "requestContext": {
            "accountId": "123",
            "domainName": "function.example",
            "domainPrefix": "function",
            "requestId": REQUEST_ID,
            "time": "2023-09-05T06:41:11Z",
            "timeEpoch": "1693896071895",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source_ip,
                "userAgent": "test",
            },
        },
    }
    return json.dumps(event).encode()


def direct_event(payload: object = PAYLOAD) -> bytes:
    """The event of a direct invocation."""
    return json.dumps(payload).encode()
