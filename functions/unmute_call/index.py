"""Entry points of unmute-call on Function Compute: `index.handler`, `index.initialize`, and `index.application`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.clients.lean_imports import lean

with lean():
    from shared.action import Action
    from shared.function import Function
    from shared.payload.parameters import CallParameters
    from shared.runtime.context import Context
    from shared.server import wsgi

UNMUTE_CALL = Action(name="UnmuteCall", version="2020-07-01", parameters=CallParameters, status="unmuted")

FUNCTION = Function(UNMUTE_CALL, Path(__file__).with_name("callers.toml"))
# For a custom runtime with a server of your own; `python -m shared.server` takes `index:FUNCTION`.
application = wsgi.application(FUNCTION)


def handler(event: bytes, context: Context) -> dict[str, Any]:
    """Unmute the channel that the event names; takes HTTP trigger events and direct invocations, never raises."""
    return FUNCTION.handle(event, context)


def initialize(context: Context) -> None:
    """Report what is wrong with the configuration to the log, before the first request; never raises."""
    FUNCTION.initialize(context)
