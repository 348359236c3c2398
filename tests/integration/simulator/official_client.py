"""Calls the endpoint of its first argument with the product's official SDK and prints what came of it, as JSON.

Takes the arguments endpoint, action, parameters as JSON, and the configuration to change, as JSON.
"""

import json
import sys

from alibabacloud_ccc20200701 import models
from alibabacloud_ccc20200701.client import Client
from alibabacloud_tea_openapi import utils_models
from darabonba.exceptions import DaraException, UnretryableException
from darabonba.runtime import RuntimeOptions

CALLS = {
    "MuteCall": (models.MuteCallRequest, Client.mute_call_with_options),
    "UnmuteCall": (models.UnmuteCallRequest, Client.unmute_call_with_options),
}

endpoint, action, parameters, changes = sys.argv[1:]
settings = {
    "access_key_id": "STS.local",
    "access_key_secret": "local-secret",
    "security_token": "local-token",
    "endpoint": endpoint,
    "protocol": "http",
    **json.loads(changes),
}
client = Client(utils_models.Config(**settings))
request_type, call = CALLS[action]
try:
    response = call(client, request_type().from_map(json.loads(parameters)), RuntimeOptions())
except (DaraException, UnretryableException) as error:
    outcome = {
        "kind": type(error).__name__,
        "code": error.code,
        "status": getattr(error, "status_code", None),
        "data": getattr(error, "data", None),
    }
else:
    body = response.body
    contexts = body.data.call_context.channel_contexts
    outcome = {
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
print(json.dumps(outcome))  # noqa: T201 - its answer to the test
