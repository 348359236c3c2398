"""MuteCall and UnmuteCall: the rules of CCC over the state, apart from every protocol.

Sources: the pages of MuteCall, UnmuteCall and their siblings in the CCC API reference 2020-07-01, and the request
models of the product's own SDK, which say what is mandatory today (JobId for MuteCall, not for UnmuteCall).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from local.simulator.errors import BusinessError
from local.simulator.state import Agent, Call, Channel, Instance, State

MUTED = "MUTED"


@dataclass(frozen=True)
class Outcome:
    """What an action answers about: the agent and the call as they are after it."""

    instance: Instance
    agent: Agent
    call: Call


@dataclass(frozen=True)
class Action:
    """An action: its name, its mandatory parameters, and whether a channel is muted after it."""

    name: str
    required: tuple[str, ...]
    mutes: bool

    def perform(self, state: State, parameters: Mapping[str, str], *, strict: bool) -> Outcome:
        """Find instance, call, agent and channel, change the channel's flags and return what the answer shows.

        Args:
            state: the call centre; changed.
            parameters: of the request. Without UserId the agent is the one the calling account is mapped to, without
                JobId the call is the agent's, without ChannelId the channel is the agent's own.
            strict: whether a mute of a muted channel (unmute of an unmuted one) is an error.

        Raises:
            BusinessError: `NotExists.*`, `InvalidOperation.*`; nothing is changed then.
        """
        instance = _instance(state, parameters.get("InstanceId", ""))
        job_id = parameters.get("JobId", "")
        if job_id:
            _call(instance, job_id)
        agent = _agent(instance, parameters.get("UserId") or instance.caller_user_id)
        if agent.state != "TALKING":
            raise BusinessError("InvalidOperation.UserState", agent.state, "TALKING")
        call = _call(instance, job_id or agent.job_id)
        self._change(_channel(call, agent, parameters.get("ChannelId", "")), strict=strict)
        return Outcome(instance, agent, call)

    def _change(self, channel: Channel, *, strict: bool) -> None:
        if channel.state != "ANSWERED":
            raise BusinessError("InvalidOperation.ChannelState", channel.state, "ANSWERED")
        if strict and (MUTED in channel.flags) == self.mutes:
            found, expected = (MUTED, channel.state) if self.mutes else (channel.state, MUTED)
            raise BusinessError("InvalidOperation.ChannelState", found, expected)
        if self.mutes:
            channel.flags.add(MUTED)
        else:
            channel.flags.discard(MUTED)


ACTIONS = {
    action.name: action
    for action in (
        Action("MuteCall", required=("InstanceId", "JobId"), mutes=True),
        Action("UnmuteCall", required=("InstanceId",), mutes=False),
    )
}


def _instance(state: State, instance_id: str) -> Instance:
    if instance_id not in state.instances:
        raise BusinessError("NotExists.InstanceId", instance_id)
    return state.instances[instance_id]


def _call(instance: Instance, job_id: str) -> Call:
    if job_id not in instance.calls:
        raise BusinessError("NotExists.JobId", job_id)
    return instance.calls[job_id]


def _agent(instance: Instance, user_id: str) -> Agent:
    if user_id not in instance.agents:
        raise BusinessError("NotExists.UserId", user_id, instance.instance_id)
    return instance.agents[user_id]


def _channel(call: Call, agent: Agent, channel_id: str) -> Channel:
    channel = call.channel(channel_id) if channel_id else call.channel_of(agent.user_id)
    if channel is None:
        raise BusinessError("NotExists.ChannelId", channel_id, call.job_id)
    return channel
