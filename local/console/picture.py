"""The part of the simulated call that the page shows, and the changes that the page makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.simulator.state import State

AGENT = "agent"
CUSTOMER = "customer"
_MUTED = "MUTED"


def picture(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first call and how many faults wait; ids of channels hold phone numbers, and stay here.

    Args:
        snapshot: the simulator's state.
    """
    channels = snapshot["calls"][0]["channels"]
    return {"channels": [_channel(channel) for channel in channels], "pending_faults": snapshot["pending_faults"]}


def unmute(state: State) -> None:
    """Turn every microphone on again, as if CCC had been asked to; no function is.

    Args:
        state: the simulator's.
    """
    for instance in state.instances.values():
        for call in instance.calls.values():
            for channel in call.channels:
                channel.flags.discard(_MUTED)


def _channel(channel: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "party": AGENT if channel["user_id"] else CUSTOMER,
        "state": channel["state"],
        "muted": _MUTED in channel["flags"],
    }
