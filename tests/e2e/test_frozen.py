"""An instance that is frozen: SIGSTOP is to a process what the platform does to an instance between invocations."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from local.simulator import Simulator
from shared.clients import transport
from shared.clients.idle import MAX_IDLE_S
from tests.e2e.instances import DEADLINE_S, TIMEOUT_S, Instance, until
from tests.silent_proxy import SilentProxy

pytestmark = pytest.mark.slow


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@contextmanager
def frozen(instance: Instance) -> Iterator[None]:
    instance.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        instance.process.send_signal(signal.SIGCONT)


def test_a_mute_after_a_freeze_does_not_wait_for_a_dead_connection(simulator: Simulator) -> None:
    with SilentProxy(int(simulator.endpoint.rpartition(":")[2])) as proxy:
        instance = Instance(f"127.0.0.1:{proxy.port}")
        try:
            assert instance.post("first").status == 200
            proxy.silence()
            with frozen(instance):
                # No way around a real wait: what is tested is what a connection's age does.
                time.sleep(MAX_IDLE_S + 0.2)
            answer = instance.post("second")
        finally:
            instance.close()

    assert answer[:2] == (200, "muted")
    assert answer.seconds < DEADLINE_S
    assert len(simulator.requests) == 2


def test_an_instance_that_wakes_after_its_deadline_sends_nothing_more(simulator: Simulator) -> None:
    instance = Instance(simulator.endpoint)
    try:
        simulator.faults.add(
            {"kind": "error", "http_status": 429, "code": "Throttling", "headers": {"x-acs-retry-after": "500"}}
        )
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(instance.post, "key")
            until(lambda: simulator.requests)
            # It waits to send once more.
            with frozen(instance):
                time.sleep(DEADLINE_S)
            woke = time.monotonic()
            answer = pending.result(TIMEOUT_S)
            # Counted from here: how long it took to get to the freeze is the machine's.
            late_s = time.monotonic() - woke
    finally:
        instance.close()

    # The latter where it was frozen before it had read the first answer.
    assert answer[:2] in {(503, "upstream_unavailable"), (429, "throttled")}
    assert late_s <= 1
    assert len(simulator.requests) == 1


def test_a_call_that_was_frozen_just_before_it_sends_looks_at_the_clock_again(simulator: Simulator) -> None:
    """No signal can be timed to hit that moment."""
    exchange = transport.Exchange(time.monotonic())

    with exchange.current(), pytest.raises(transport.NotSentError):
        transport.send("POST", simulator.url, {}, b"", connect_s=1, read_s=1)

    assert not exchange.sent
    assert simulator.requests == []
