"""A payload for a call that cannot exist, so it mutes nobody. No I/O here."""

from __future__ import annotations

import secrets
from typing import Any

from local.cli.command_line import UsageError
from local.cli.payload import payload_of
from shared.callers.caller import Caller

_ANY_INSTANCE = "*"


def payload_without_a_call(name: str, caller: Caller, instance: str | None) -> Any:
    """Return the payload, in the caller's own shape.

    Args:
        name: of the caller.
        caller: its table.
        instance: of the call centre; `None`: the first one on the caller's list.

    Raises:
        UsageError: the caller takes none over HTTP, or its expressions cannot be reversed.
    """
    if not caller.auth.over_http:
        raise UsageError(f"{name} is for direct invocation, not for HTTP; choose another caller")
    if "POST" not in caller.methods:
        raise UsageError(f"{name} takes no POST; choose another caller")
    payload = payload_of(caller, _parameters(name, caller, instance))
    if payload is None:
        raise UsageError(
            f"no payload can be composed for the expressions of {name}: send one of its own for a call that does not"
            " exist, with python -m local.send"
        )
    return payload


def _parameters(name: str, caller: Caller, instance: str | None) -> dict[str, str]:
    chosen = instance or next((known for known in caller.instances if known != _ANY_INSTANCE), None)
    if chosen is None:
        raise UsageError(f"{name} may use every instance; choose one: --instance")
    if caller.parameters and "job_id" not in caller.parameters.given():
        raise UsageError(
            f"{name} has the call in its defaults, so it cannot name one that does not exist; choose another caller"
        )
    parameters = {
        "device_id": "smoke-test",
        "instance_id": chosen,
        "job_id": f"smoke-test-{secrets.token_hex(16)}",
        # Like every agent's: a mapping may append the instance.
        "user_id": f"smoke-test@{chosen}",
    }
    return parameters | ({"channel_id": "smoke-test"} if caller.parameters else {})
