"""A payload that asks for a call which cannot exist: what is asked for with it mutes nobody. No I/O here."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from local.cli.command_line import UsageError
from shared.callers.caller import Caller

_ANY_INSTANCE = "*"
# Names alone: where such an expression looks, a value can be put.
_PLAIN_PATH = re.compile(r'body((?:\.(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\\]+"))+)')
_STEP = re.compile(r'[A-Za-z_][A-Za-z0-9_]*|"([^"\\]+)"')


def payload_of(name: str, caller: Caller, instance: str | None) -> dict[str, Any]:
    """Return the payload, in the caller's own shape.

    Args:
        name: of the caller.
        caller: its table.
        instance: of the call centre; `None`: the first one on the caller's list.

    Raises:
        UsageError: the caller takes none over HTTP, or an expression of its is no plain path below the body.
    """
    if not caller.auth.over_http:
        raise UsageError(f"{name} is for direct invocation, not for HTTP; choose another caller")
    if "POST" not in caller.methods:
        raise UsageError(f"{name} takes no POST; choose another caller")
    parameters = _parameters(name, caller, instance)
    payload: dict[str, Any] = {} if caller.parameters else dict(parameters)
    others = {"event_time": datetime.now(timezone.utc).isoformat(), "idempotency_key": secrets.token_hex(16)}
    for key, expression in _expressions(caller).items():
        _put(payload, _path(name, key, expression.expression), (parameters | others).get(key, "smoke-test"))
    return payload


def _parameters(name: str, caller: Caller, instance: str | None) -> dict[str, str]:
    chosen = instance or next((known for known in caller.instances if known != _ANY_INSTANCE), None)
    if chosen is None:
        raise UsageError(f"{name} may use every instance; choose one: --instance")
    if caller.parameters and "job_id" not in caller.parameters.given():
        raise UsageError(f"{name} has the call in its defaults, and so none that cannot exist; choose another caller")
    return {
        "device_id": "smoke-test",
        "instance_id": chosen,
        "job_id": f"smoke-test-{secrets.token_hex(16)}",
        "user_id": "smoke-test@smoke-test",
    }


def _expressions(caller: Caller) -> Mapping[str, Any]:
    own = {"idempotency_key": caller.idempotency_key, "event_time": caller.event_time}
    given = caller.parameters.given() if caller.parameters else {}
    return given | {key: expression for key, expression in own.items() if expression is not None}


def _path(name: str, key: str, expression: str) -> list[str]:
    found = _PLAIN_PATH.fullmatch(expression.strip())
    if not found:
        raise UsageError(
            f"{name} finds {key} with an expression that is no plain path below the body; send a payload of its own"
            " for a call that does not exist: python -m local.send"
        )
    return [step[1] or step[0] for step in _STEP.finditer(found[1])]


def _put(payload: dict[str, Any], path: list[str], value: str) -> None:
    *above, last = path
    for step in above:
        below = payload.setdefault(step, {})
        if not isinstance(below, dict):
            raise UsageError("two expressions look into one another")
        payload = below
    payload.setdefault(last, value)
