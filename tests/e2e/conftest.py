from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from local.demo.stack import CUSTOM_HANDLER, DEMO_TOKEN, HANDLER, TOKEN_VARIABLE
from local.gateway import Gateway
from local.gateway.settings import CUSTOM
from local.simulator import Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def gateway(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Gateway]]:
    """Return what starts the function on a runtime, wired to the simulator."""
    for name, value in {
        "CCC_ENDPOINT": simulator.url,
        TOKEN_VARIABLE: DEMO_TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as started:
        yield lambda runtime: started.enter_context(
            Gateway(CUSTOM_HANDLER if runtime == CUSTOM else HANDLER, runtime=runtime)
        )
