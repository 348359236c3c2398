"""The state of the simulator: instances with their agents, calls with their channels, and the secrets of KMS."""

import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

INSTANCE_ID = "ccc-test"
JOB_ID = "job-65815360847228928"
USER_ID = "user-test@ccc-test"
AGENT_CHANNEL_ID = f"ch:user:13188888888->80011474:1609253204816:{JOB_ID}"
CUSTOMER_CHANNEL_ID = f"ch:customer:13188888888->80011474:1609253204816:{JOB_ID}"

CURRENT = "ACSCurrent"
PREVIOUS = "ACSPrevious"
LARGEST_VALUE = 30_720

_SECRET_NAME = re.compile(r"[A-Za-z0-9_/+=.@-]{1,64}")


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


class SecretError(ValueError):
    """A secret that cannot be put; the text names what is wrong, never the value."""


@dataclass
class Version:
    """One version of a secret; `stage` is empty once two newer ones are there."""

    version_id: str
    created: datetime
    value: str = field(repr=False)
    stage: str = CURRENT


class Vault:
    """Every secret's versions by its name, oldest first."""

    def __init__(self) -> None:
        self._secrets: dict[str, list[Version]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._secrets

    def put(self, name: object, value: object, now: datetime) -> Version:
        """Create a secret, or put a new version of it: the current one becomes the previous one.

        Raises:
            SecretError: no name or no value that KMS would take; nothing is put.
        """
        if not isinstance(name, str) or not _SECRET_NAME.fullmatch(name):
            raise SecretError("name: must be 1 to 64 letters, digits and _/+=.@-")
        if not isinstance(value, str) or not 1 <= len(value.encode("utf-8", "replace")) <= LARGEST_VALUE:
            raise SecretError(f"value: must be a string of 1 to {LARGEST_VALUE} bytes")
        versions = self._secrets.setdefault(name, [])
        for version in versions:
            version.stage = PREVIOUS if version.stage == CURRENT else ""
        versions.append(Version(f"v{len(versions) + 1}", now, value))
        return versions[-1]

    def find(self, name: str, stage: str) -> Version | None:
        """Return the version of a secret that has that stage, or None."""
        return next((version for version in self._secrets.get(name, []) if version.stage == stage), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Return names, version ids and stages as the control plane shows them; no value."""
        return [
            {
                "name": name,
                "versions": [{"version_id": each.version_id, "stage": each.stage or None} for each in versions],
            }
            for name, versions in self._secrets.items()
        ]


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
