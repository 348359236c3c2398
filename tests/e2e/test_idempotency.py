"""Nothing twice: several instances of the function, a real redis-server, and everything that can break in between."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from local.simulator import Simulator
from tests.e2e.instances import LATEST_S, TIMEOUT_S, Answer, Instance, until
from tests.redis_server import RedisServer

Start = Callable[[int], list[Instance]]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def start(simulator: Simulator, redis: RedisServer) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(count: int) -> list[Instance]:
            with ThreadPoolExecutor(count) as pool:
                instances = list(pool.map(lambda _: Instance(simulator.endpoint, redis.url), range(count)))
            for instance in instances:
                stack.callback(instance.close)
            return instances

        yield begin


def is_muted(instance: Instance, key: str) -> bool:
    return instance.post(key, DeviceId=key).status == 200


def done(simulator: Simulator) -> Counter[str]:
    """Return how often each device's request was carried out: here every key has a device of its own."""
    return Counter(entry["parameters"]["DeviceId"] for entry in simulator.requests if entry["status"] == 200)


def test_duplicates_at_several_instances_at_once_are_one_mute_each(simulator: Simulator, start: Start) -> None:
    instances = start(4)
    keys = [f"key-{number}" for number in range(20)]
    # So that the first of some keys still runs when their duplicates come.
    simulator.faults.add({"kind": "delay", "ms": 100, "times": 5})
    jobs = [(instances[index % 4], key) for index in range(10) for key in keys]

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda job: (job[1], job[0].post(job[1], DeviceId=job[1])), jobs))

    assert len(answers) == 200
    assert done(simulator) == dict.fromkeys(keys, 1)
    assert len(simulator.requests) == 20
    outcomes = Counter((answer.status, answer.code, answer.replayed) for _, answer in answers)
    assert outcomes[200, "muted", False] == 20
    assert set(outcomes) <= {(200, "muted", False), (200, "muted", True), (409, "in_progress", False)}
    assert outcomes[409, "in_progress", False] > 0
    assert all(answer.retry_after in ("1", "2") for _, answer in answers if answer.status == 409)
    after = [instances[0].post(key, DeviceId=key) for key in keys]
    assert {(answer.status, answer.replayed) for answer in after} == {(200, True)}
    assert instances[1].post("key-0", DeviceId="another")[:2] == (422, "idempotency_key_reused")
    assert len(simulator.requests) == 20


def test_the_claim_of_a_killed_instance_ends_with_its_deadline(simulator: Simulator, start: Start) -> None:
    victim, other = start(2)
    simulator.faults.add({"kind": "delay", "ms": 5_000})
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(victim.post, "key")
        until(lambda: simulator.requests)
        began = time.monotonic()
        victim.process.kill()
        with pytest.raises((OSError, http.client.HTTPException)):
            pending.result(TIMEOUT_S)

    assert other.post("key")[:2] == (409, "in_progress")
    until(lambda: other.post("key").status != 409)

    assert time.monotonic() - began <= LATEST_S
    assert other.post("key")[:3] == (200, "muted", True)
    assert len(simulator.requests) == 2


@pytest.mark.parametrize("outage", ["stopped", "black-holed"])
def test_without_its_store_nothing_is_sent_twice_and_nothing_is_late(
    simulator: Simulator, redis: RedisServer, start: Start, outage: str
) -> None:
    instances = start(2)
    keys = [f"key-{number}" for number in range(40)]
    answers: list[Answer] = []
    stop = threading.Event()

    def keep_sending(instance: Instance) -> None:
        while not stop.is_set():
            for key in keys:
                answers.append(instance.post(key, DeviceId=key))
                if stop.is_set():
                    return

    senders = [threading.Thread(target=keep_sending, args=(instance,)) for instance in instances for _ in range(2)]
    for sender in senders:
        sender.start()
    try:
        until(lambda: len(answers) > 20)
        redis.stop() if outage == "stopped" else redis.freeze()
        lost = len(answers)
        until(lambda: sum(answer.status == 503 for answer in answers[lost:]) > 4)
        # What was under way when the store went had its claim.
        seen = len(simulator.requests)
        until(lambda: sum(answer.status == 503 for answer in answers[lost:]) > 8)
        assert len(simulator.requests) == seen
    finally:
        stop.set()
        for sender in senders:
            sender.join(TIMEOUT_S)
    redis.start() if outage == "stopped" else redis.thaw()
    # An instance that muted and could not store the answer does so with its next claim.
    for number, instance in enumerate(instances):
        until(partial(is_muted, instance, f"fresh-{number}"))
    for instance in instances:
        for key in keys:
            until(partial(is_muted, instance, key))

    assert done(simulator) == dict.fromkeys([*keys, "fresh-0", "fresh-1"], 1)
    assert all(answer.seconds <= LATEST_S for answer in answers), max(answer.seconds for answer in answers)
    outcomes = {(answer.status, answer.code) for answer in answers}
    assert outcomes <= {(200, "muted"), (409, "in_progress"), (503, "idempotency_unavailable")}
    assert all(answer.retry_after for answer in answers if answer.status == 503)


def test_a_mute_whose_answer_cannot_be_stored_is_answered_and_logged(
    simulator: Simulator, redis: RedisServer, start: Start
) -> None:
    (instance,) = start(1)
    simulator.faults.add({"kind": "delay", "ms": 300})
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(instance.post, "key")
        until(lambda: simulator.requests)
        redis.stop()
        answer = pending.result(TIMEOUT_S)

    assert answer[:3] == (200, "muted", False)
    assert answer.seconds <= LATEST_S
    until(lambda: instance.log)
    (line,) = instance.log
    assert (line["code"], line["level"], line["replayed"]) == ("muted", "WARNING", False)
    assert line["reason"] == "answer not stored, claim not released: ConnectionError"
    # The instance itself knows it.
    assert instance.post("key")[:3] == (200, "muted", True)
    assert len(simulator.requests) == 1
