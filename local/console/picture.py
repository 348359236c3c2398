"""What the page may see of the simulated call (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AGENT = "agent"
CUSTOMER = "customer"


def picture(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first call and how many faults wait; ids of channels hold phone numbers, and stay here.

    Args:
        snapshot: the simulator's state.
    """
    channels = snapshot["calls"][0]["channels"]
    return {"channels": [_channel(channel) for channel in channels], "pending_faults": snapshot["pending_faults"]}


def _channel(channel: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "party": AGENT if channel["user_id"] else CUSTOMER,
        "state": channel["state"],
        "muted": "MUTED" in channel["flags"],
    }
