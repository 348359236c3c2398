import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from local.http import Answer
from local.simulator.endpoint import Endpoint
from local.simulator.options import Options
from local.simulator.request import Request
from tests.unit.local.simulator.signing import NOW

Body = dict[str, Any]


class FakeClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def endpoint(clock: FakeClock) -> Endpoint:
    return Endpoint(clock=clock)


@pytest.fixture
def ask(endpoint: Endpoint) -> Callable[[Request], Answer]:
    """Return the answer to a request that no fault keeps from one."""

    def ask(request: Request) -> Answer:
        answer = endpoint.handle(request).answer
        assert answer is not None
        return answer

    return ask


@pytest.fixture
def ask_json(ask: Callable[[Request], Answer]) -> Callable[[Request], tuple[int, Body]]:
    """Return status and decoded JSON body."""

    def ask_json(request: Request) -> tuple[int, Body]:
        answer = ask(request)
        assert answer.headers["Content-Type"] == "application/json;charset=utf-8"
        return answer.status, json.loads(answer.body)

    return ask_json


@pytest.fixture
def with_options(clock: FakeClock) -> Callable[..., Endpoint]:
    def with_options(**changes: str) -> Endpoint:
        return Endpoint(Options().changed(changes), clock=clock)

    return with_options
