"""Cloud Call Center: MuteCall and UnmuteCall, in the two shapes of CCC's own bodies, success and business error.

Sources: the typed response models of the product's SDK, and a public capture of one business error.
"""

from local.simulator.actions import ACTIONS, Action, Outcome
from local.simulator.errors import BusinessError
from local.simulator.products.product import Body, Order, Perform, Product, Reply
from local.simulator.state import Agent, Call, Channel, Instance


def success(request_id: str, outcome: Outcome) -> Body:
    """Return the body of an action that was carried out."""
    return {
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


def business_error(request_id: str, error: BusinessError) -> Body:
    """Return the body of an error of CCC itself."""
    return {
        "RequestId": request_id,
        "HttpStatusCode": error.status,
        "Code": error.code,
        "Message": error.message,
        "Params": list(error.params),
    }


def _performing(action: Action) -> Perform:
    def perform(order: Order) -> Reply:
        order.require(*action.required)
        try:
            outcome = action.perform(order.state, order.parameters, strict=order.options.repeated_mute == "error")
        except BusinessError as error:
            status = error.status if order.options.business_errors == "http-status" else 200
            return Reply(status, business_error(order.request_id, error))
        return Reply(200, success(order.request_id, outcome))

    return perform


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


CCC = Product(
    name="CCC",
    version="2020-07-01",
    host_id="ccc.cn-shanghai.aliyuncs.com",
    actions={name: _performing(action) for name, action in ACTIONS.items()},
)
