"""What the simulator holds: instances with their agents, calls with their channels, and the secrets of KMS."""

from dataclasses import asdict, dataclass, field
from typing import Any

from local.simulator.vault import Vault

INSTANCE_ID = "ccc-test"
JOB_ID = "job-65815360847228928"
USER_ID = "user-test@ccc-test"
AGENT_CHANNEL_ID = f"ch:user:13188888888->80011474:1609253204816:{JOB_ID}"
CUSTOMER_CHANNEL_ID = f"ch:customer:13188888888->80011474:1609253204816:{JOB_ID}"


@dataclass
class Channel:
    """One leg of a call; `user_id` and `user_extension` are empty on the customer's."""

    channel_id: str
    index: int
    user_id: str = ""
    user_extension: str = ""
    state: str = "ANSWERED"
    flags: set[str] = field(default_factory=set)
    call_type: str = "OUTBOUND"
    originator: str = "13188888888"
    destination: str = "80011474"
    skill_group_id: str = "skg-default@ccc-test"
    timestamp: int = 1609253212511
    release_initiator: str = ""
    release_reason: str = ""


@dataclass
class Call:
    """A call and its channels, in the order they were created."""

    job_id: str
    channels: list[Channel]
    call_type: str = "OUTBOUND"

    def as_json(self) -> dict[str, Any]:
        """Return the call with its channels, flags sorted."""
        channels = [{**asdict(channel), "flags": sorted(channel.flags)} for channel in self.channels]
        return {"job_id": self.job_id, "call_type": self.call_type, "channels": channels}

    def channel(self, channel_id: str) -> Channel | None:
        """Return the channel of that id, or None."""
        return next((channel for channel in self.channels if channel.channel_id == channel_id), None)

    def channel_of(self, user_id: str) -> Channel | None:
        """Return the agent's own channel, or None where the agent is not in this call."""
        return next((channel for channel in self.channels if channel.user_id == user_id), None)


@dataclass
class Agent:
    """A user of the instance at a workplace; `job_id` is the call the agent is in, or empty."""

    user_id: str
    state: str = "TALKING"
    job_id: str = JOB_ID
    device_id: str = "ACC-YUNBS-1.0.10-bs736efb521810000176aef6e955"
    extension: str = "80011474"
    mobile: str = "13900000001"
    work_mode: str = "ON_SITE"
    break_code: str = "Warm-up"
    outbound_scenario: bool = False
    heartbeat: int = 1609253205896
    reserved: int = 1609253204811
    skill_group_ids: list[str] = field(default_factory=lambda: ["skill-group@ccc-test"])


@dataclass
class Instance:
    """A call centre; `caller_user_id` is the agent the calling account is mapped to, for requests without UserId."""

    instance_id: str
    caller_user_id: str
    agents: dict[str, Agent]
    calls: dict[str, Call]


@dataclass
class State:
    """Every instance by its id, and every secret; no secret at the start."""

    instances: dict[str, Instance]
    vault: Vault = field(default_factory=Vault)

    def as_json(self) -> dict[str, Any]:
        """Return instances, agents, calls and secrets as flat lists, flags sorted, as the control plane shows them."""
        instances = list(self.instances.values())
        return {
            "instances": [
                {"instance_id": each.instance_id, "caller_user_id": each.caller_user_id} for each in instances
            ],
            "agents": [
                {"instance_id": each.instance_id, **asdict(agent)}
                for each in instances
                for agent in each.agents.values()
            ],
            "calls": [
                {"instance_id": each.instance_id, **call.as_json()}
                for each in instances
                for call in each.calls.values()
            ],
            "secrets": self.vault.as_json(),
        }


def seed() -> State:
    """Return a fresh state: the example of the MuteCall reference page, and the customer's end of its call."""
    call = Call(
        JOB_ID,
        [
            Channel(AGENT_CHANNEL_ID, index=1, user_id=USER_ID, user_extension="80011474"),
            Channel(CUSTOMER_CHANNEL_ID, index=2),
        ],
    )
    return State({INSTANCE_ID: Instance(INSTANCE_ID, USER_ID, {USER_ID: Agent(USER_ID)}, {JOB_ID: call})})
