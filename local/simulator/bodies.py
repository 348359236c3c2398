"""The two shapes of CCC's own bodies: success and business error; as plain values, not yet text.

Sources: the typed response models of the product's SDK, the MuteCall reference page (2021) for the variant in which
every value is a string, and a public capture of one business error.
"""

import json
from collections.abc import Mapping
from typing import Any

from local.simulator.actions import Outcome
from local.simulator.errors import BusinessError
from local.simulator.options import Options
from local.simulator.state import Agent, Call, Channel, Instance

Body = dict[str, Any]

# What the reference page prints for a value that is not there, and where.
PLACEHOLDER = "无"
PLACED = frozenset({"Message", "Params", "ReleaseInitiator", "ReleaseReason", "AssociatedData"})


def success(request_id: str, outcome: Outcome, options: Options) -> Body:
    """Return the body of an action that was carried out, in the form the options ask for."""
    body = {
        "RequestId": request_id,
        "HttpStatusCode": 200,
        "Code": "OK",
        "Message": "",
        "Params": [],
        "Data": {
            "CallContext": _call_context(outcome.instance, outcome.call),
            "UserContext": _user_context(outcome.instance, outcome.agent),
        },
    }
    if options.success_body == "documented":
        body = _documented(body)
    return _emptied(body, options.empty_fields)


def business_error(request_id: str, error: BusinessError, options: Options) -> Body:
    """Return the body of an error of CCC itself."""
    body = {
        "RequestId": request_id,
        "HttpStatusCode": error.status,
        "Code": error.code,
        "Message": error.message,
        "Params": list(error.params),
    }
    return _emptied(body, options.empty_fields)


def _call_context(instance: Instance, call: Call) -> Body:
    return {
        "CallType": call.call_type,
        "InstanceId": instance.instance_id,
        "JobId": call.job_id,
        "ChannelContexts": [_channel_context(call, channel) for channel in call.channels],
    }


def _channel_context(call: Call, channel: Channel) -> Body:
    return {
        "Index": channel.index,
        "ChannelId": channel.channel_id,
        "ChannelState": channel.state,
        "ChannelFlags": ",".join(sorted(channel.flags)),
        "CallType": channel.call_type,
        "JobId": call.job_id,
        "Originator": channel.originator,
        "Destination": channel.destination,
        "UserId": channel.user_id,
        "UserExtension": channel.user_extension,
        "SkillGroupId": channel.skill_group_id,
        "Timestamp": channel.timestamp,
        "ReleaseInitiator": channel.release_initiator,
        "ReleaseReason": channel.release_reason,
    }


def _user_context(instance: Instance, agent: Agent) -> Body:
    return {
        "InstanceId": instance.instance_id,
        "UserId": agent.user_id,
        "DeviceId": agent.device_id,
        "Extension": agent.extension,
        "JobId": agent.job_id,
        "UserState": agent.state,
        "WorkMode": agent.work_mode,
        "OutboundScenario": agent.outbound_scenario,
        "BreakCode": agent.break_code,
        "Mobile": agent.mobile,
        "Heartbeat": agent.heartbeat,
        "Reserved": agent.reserved,
        "SignedSkillGroupIdList": list(agent.skill_group_ids),
    }


def _documented(body: Mapping[str, Any]) -> Body:
    """Return the body as the reference page prints it: strings throughout, lists of strings as JSON text."""
    return {key: _as_printed(key, value) for key, value in _with_old_fields(body).items()}


def _with_old_fields(body: Mapping[str, Any]) -> Mapping[str, Any]:
    # A channel had AssociatedData and no SkillGroupId in 2021.
    if "SkillGroupId" not in body:
        return body
    return {**{key: value for key, value in body.items() if key != "SkillGroupId"}, "AssociatedData": ""}


def _as_printed(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return _documented(value)
    if key == "ChannelContexts":
        return [_documented(channel) for channel in value]
    if key == "ChannelFlags":
        return json.dumps(value.split(",") if value else [])
    if not value and key in PLACED:
        return PLACEHOLDER
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _emptied(body: Mapping[str, Any], empty_fields: str) -> Body:
    """Return the body with its empty fields as the option says."""
    if empty_fields == "empty":
        return dict(body)
    filled = {key: _inside(value, empty_fields) for key, value in body.items() if value not in ("", [])}
    return filled if empty_fields == "omitted" else {key: filled.get(key) for key in body}


def _inside(value: object, empty_fields: str) -> object:
    if isinstance(value, list):
        return [_inside(item, empty_fields) for item in value]
    return _emptied(value, empty_fields) if isinstance(value, dict) else value
