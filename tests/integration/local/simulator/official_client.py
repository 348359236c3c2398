"""Calls an endpoint with the product's official SDK and prints what came of it, line by line in JSON.

A line of standard input has endpoint, action, parameters, and the configuration to change. One process for all calls:
its import is what takes time.
"""

import json
import sys
from typing import Any

from alibabacloud_ccc20200701 import models
from alibabacloud_ccc20200701.client import Client
from alibabacloud_tea_openapi import utils_models
from darabonba.exceptions import DaraException, UnretryableException
from darabonba.runtime import RuntimeOptions

CALLS = {
    "MuteCall": (models.MuteCallRequest, Client.mute_call_with_options),
    "UnmuteCall": (models.UnmuteCallRequest, Client.unmute_call_with_options),
}


def outcome_of(endpoint: str, action: str, parameters: dict[str, str], changes: dict[str, str]) -> dict[str, Any]:
    settings = {
        "access_key_id": "STS.local",
        "access_key_secret": "local-secret",
        "security_token": "local-token",
        "endpoint": endpoint,
        "protocol": "http",
        **changes,
    }
    client = Client(utils_models.Config(**settings))
    request_type, call = CALLS[action]
    try:
        response = call(client, request_type().from_map(parameters), RuntimeOptions())
    except (DaraException, UnretryableException) as error:
        return {
            "kind": type(error).__name__,
            "code": error.code,
            "status": getattr(error, "status_code", None),
            "data": getattr(error, "data", None),
        }
    body = response.body
    contexts = body.data.call_context.channel_contexts
    return {
        "status": response.status_code,
        "body": body.to_map(),
        "types": {
            "HttpStatusCode": type(body.http_status_code).__name__,
            "Params": type(body.params).__name__,
            "Index": type(contexts[0].index).__name__,
            "Timestamp": type(contexts[0].timestamp).__name__,
            "OutboundScenario": type(body.data.user_context.outbound_scenario).__name__,
            "SignedSkillGroupIdList": type(body.data.user_context.signed_skill_group_id_list).__name__,
            "Heartbeat": type(body.data.user_context.heartbeat).__name__,
        },
    }


for line in sys.stdin:
    print(json.dumps(outcome_of(*json.loads(line))), flush=True)  # noqa: T201 - its answer to the test
