"""The simulator's faults that have a button on the page, each for the next request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# `x-acs-retry-after`, in milliseconds: short enough for a second attempt within the deadline.
_WAIT = {"x-acs-retry-after": "400"}
_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
# Scripts of `local.simulator.fault`, by the name that the page asks for, in the order of its buttons.
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "throttled": {"kind": "error", "http_status": 429, "code": "Throttling.User"},
    "throttled_wait": {"kind": "error", "http_status": 429, "code": "Throttling.User", "headers": _WAIT},
    "unavailable": {"kind": "error", "http_status": 503, "code": "ServiceUnavailable"},
    "slow": {"kind": "delay", "ms": 5000},
    "dropped": {"kind": "drop"},
    "html": {"kind": "raw", "http_status": 502, "content_type": "text/html", "body": _HTML},
    "denied": {"kind": "error", "http_status": 403, "code": "NoPermission"},
}


def script(name: object, action: str) -> dict[str, Any] | None:
    """Return the script of a fault, `None` if there is none of this name.

    Args:
        name: as the page asks for it.
        action: the function's: a request for a secret must not use the fault up.
    """
    found = FAULTS.get(name) if isinstance(name, str) else None
    return None if found is None else {**found, "action": action}
