"""Simulator and gateway together, for `make demo` and `make run`; function and counterpart call the simulator."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping

from local.gateway import Gateway
from local.gateway.gateway import Wrap
from local.simulator import AccessKey, Simulator

HANDLER = "functions.mute_call.index:handler"
# The counterpart.
UNMUTE_HANDLER = "functions.unmute_call.index:handler"
# The first segments of their paths, as docs/deploy.md routes a domain.
MUTE_PATH = "mute"
UNMUTE_PATH = "unmute"
# The first on a custom runtime.
CUSTOM_HANDLER = "functions.mute_call.index:FUNCTION"
# What the callers file shipped with each function refers to; made-up values for this machine only.
TOKEN_VARIABLE = "MUTE_CALL_TOKEN"  # noqa: S105 - a name
DEMO_TOKEN = "demo-token"  # noqa: S105 - opens nothing but the simulator
UNMUTE_TOKEN_VARIABLE = "UNMUTE_CALL_TOKEN"  # noqa: S105 - a name
DEMO_UNMUTE_TOKEN = "demo-unmute-token"  # noqa: S105 - made up


@contextlib.contextmanager
def stack(
    gateway_port: int = 0,
    simulator_port: int = 0,
    variables: Mapping[str, str] | None = None,
    wrap: Callable[[Gateway, Simulator], Wrap] | None = None,
) -> Iterator[tuple[Gateway, Simulator]]:
    """Serve gateway and simulator while the block lasts.

    `SIMULATOR_SECURITY_TOKEN` in the environment makes the simulator expect that token instead of the gateway's.

    Args:
        gateway_port: 0 picks a free one.
        simulator_port: the simulator's.
        variables: for the function, over those of the shell.
        wrap: from both to what stands around the gateway's handler.

    Raises:
        OSError: a port is taken.
    """
    token = os.environ.get("SIMULATOR_SECURITY_TOKEN")
    key = AccessKey(security_token=token) if token else AccessKey()
    with contextlib.ExitStack() as started:
        simulator = started.enter_context(Simulator(access_key=key, port=simulator_port))
        here = {"CCC_ENDPOINT": simulator.url, "KMS_ENDPOINT": simulator.url}
        started.enter_context(environment(here | dict(variables or {})))
        gateway = Gateway(HANDLER, port=gateway_port, beside={UNMUTE_PATH: Gateway(UNMUTE_HANDLER)})
        if wrap:
            gateway.wrap = wrap(gateway, simulator)
        yield started.enter_context(gateway), simulator


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Give the functions these variables, over those of the shell, while the block lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
