"""Nothing twice: several instances of the function, a real redis-server, and everything that can break in between."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis as client

from functions.unmute_call.index import UNMUTE_CALL
from local.simulator import Simulator
from shared.callers.schemes import read_auth
from shared.function import Function
from shared.runtime.event import read_event
from tests.builders import Context312, environment, http_event
from tests.e2e.instances import LATEST_S, ROOT, TIMEOUT_S, Answer, Instance, until
from tests.redis_server import RedisServer, clients_closed
from tests.silent_proxy import SilentProxy
from tests.unit.shared.fakes import CALLERS, MUTE_CALL, FakeCall

Start = Callable[[int], list[Instance]]

pytestmark = [pytest.mark.packaged, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _clients_closed() -> Iterator[None]:
    with clients_closed():
        yield


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


def test_a_busy_instance_finds_the_new_primary_with_its_next_request(
    simulator: Simulator, redis: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "next").mkdir()
    with ExitStack() as stack:
        following = stack.enter_context(RedisServer(tmp_path / "next"))
        proxy = stack.enter_context(SilentProxy(redis.port))
        instance = Instance(simulator.endpoint, f"redis://127.0.0.1:{proxy.port}")
        stack.callback(instance.close)
        assert instance.post("before").status == 200
        copied: Any = client.Redis(port=following.port)
        stack.callback(copied.close)
        copied.replicaof("127.0.0.1", str(redis.port))
        until(lambda: copied.info("replication")["master_link_status"] == "up")
        # A failover: the old primary lives on as a replica, and its connections with it.
        copied.replicaof("NO", "ONE")
        # However long that took: a connection that has been idle is not used again.
        assert instance.post("before").status == 200
        proxy.lead_to(following.port)
        with client.Redis(port=redis.port) as former:
            former.replicaof("127.0.0.1", str(following.port))

        answers = [instance.post(f"after-{number}", DeviceId=f"after-{number}") for number in range(10)]

        assert [answer.status for answer in answers] == [503, *[200] * 9]
        assert answers[0][:2] == (503, "idempotency_unavailable")
        assert instance.post("before")[:3] == (200, "muted", True)
        until(lambda: len(instance.log) == 13)
        assert instance.log[2]["reason"] == "claim failed: the server is a read-only replica"


SIGNING = """
[callers.crm]
auth = { scheme = "SCHEME", secrets = ["env:CRM_SECRET"] }
instances = ["ccc-test"]
[callers.event]
auth = { scheme = "SCHEME", secrets = ["env:CRM_SECRET"] }
instances = ["ccc-test"]
idempotency_key = "headers.event"
[callers.token]
auth = { scheme = "bearer", secrets = ["env:CRM_SECRET"] }
instances = ["ccc-test"]
"""


@pytest.mark.parametrize("scheme", ["standard-webhooks", "github", "stripe", "slack", "hubspot", "zendesk", "twilio"])
def test_a_recorded_mute_does_not_run_as_an_unmute(redis: RedisServer, tmp_path: Path, scheme: str) -> None:
    secret = "whsec_c2VjcmV0LW9mLXRoZS10ZXN0cy0xMjM0NTY="  # pragma: allowlist secret
    file, call, now = tmp_path / "callers.toml", FakeCall(), time.time()
    file.write_text(SIGNING.replace("SCHEME", scheme), encoding="utf-8")
    environ = environment(CRM_SECRET=secret, IDEMPOTENCY_URL=redis.url)
    mute, unmute = (
        Function(action, file, environ={**environ, "FC_FUNCTION_NAME": action.name}, call=call)
        for action in (MUTE_CALL, UNMUTE_CALL)
    )
    model = read_auth({"scheme": scheme, "secrets": ["env:CRM_SECRET"]})

    def send(function: Function, caller: str, headers: dict[str, str]) -> tuple[int, str]:
        path, token = f"/{caller}", secret if caller == "token" else None
        asked = read_event(http_event(path=path, token=token, headers=headers))
        signed = asked if token else model.sign(asked, secret, now)
        event = http_event(path=path, token=None, headers=signed.headers, query=signed.query)
        answer = function.handle(event, Context312())
        told = json.loads(answer["body"])
        return answer["statusCode"], told.get("code") or told["status"]

    recorded = {"host": "function.example", "webhook-id": "msg_1"}
    assert send(mute, "crm", recorded) == (200, "muted")
    assert send(unmute, "crm", recorded) == (422, "idempotency_key_reused")
    assert send(mute, "crm", recorded) == (200, "muted")
    assert len(call.calls) == 1
    # The other way round, and keys that are no part of what was signed.
    other = {"host": "other.example", "webhook-id": "msg_2"}
    if scheme in ("standard-webhooks", "hubspot", "twilio"):
        assert send(unmute, "crm", other) == (200, "unmuted")
        assert send(mute, "crm", other) == (422, "idempotency_key_reused")
    for caller, headers in (("event", {**recorded, "event": "1"}), ("token", {"idempotency-key": "1"})):
        assert send(mute, caller, headers) == (200, "muted")
        assert send(unmute, caller, headers) == (200, "unmuted")


SHORT_OF_FILES = """
import resource, sys, tempfile
from pathlib import Path
import shared.idempotency.redis
import redis
from shared.function import Function
from tests.builders import Context312, environment, http_event
from tests.unit.shared.fakes import CALLERS, MUTE_CALL, FakeCall

port = int(sys.argv[1])
admin = redis.Redis(port=port)
admin.ping()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

class Exhausting(FakeCall):
    def __call__(self, *arguments):
        # The connection is lost, and there is no file for a new one.
        admin.client_kill_filter(_type="normal", skipme=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        return super().__call__(*arguments)

file = Path(tempfile.mkdtemp(), "callers.toml")
file.write_text(CALLERS)
environ = environment(IDEMPOTENCY_URL=f"redis://127.0.0.1:{port}")
function = Function(MUTE_CALL, file, environ=environ, call=Exhausting())
function.initialize(Context312())
for _ in range(2):
    for key in ("first", "second"):
        function.handle(http_event(headers={"Idempotency-Key": key}), Context312())
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
"""


def test_without_a_file_for_the_store_the_answer_stays_in_the_contract(redis: RedisServer) -> None:
    command = [sys.executable, "-c", SHORT_OF_FILES, str(redis.port)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S * 3, check=True)  # noqa: S603 - our own script

    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(line["code"], line["replayed"], line["reason"]) for line in lines] == [
        ("muted", False, "answer not stored, claim not released: no file descriptor is free"),
        ("idempotency_unavailable", False, "claim failed: no file descriptor is free"),
        ("muted", True, None),
        ("muted", False, "answer not stored, claim not released: no file descriptor is free"),
    ]


def test_without_a_thread_for_the_store_the_answer_stays_in_the_contract(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    class Exhausting(FakeCall):
        def __call__(self, *arguments: Any) -> dict[str, Any]:
            if not self.calls:
                monkeypatch.setattr(threading.Thread, "start", start)
            return super().__call__(*arguments)

    file = tmp_path / "callers.toml"
    file.write_text(CALLERS, encoding="utf-8")
    function = Function(MUTE_CALL, file, environ=environment(IDEMPOTENCY_URL=redis.url), call=Exhausting())
    for key in ("first", "second"):
        function.handle(http_event(headers={"Idempotency-Key": key}), Context312())
    # What was muted is known here, and delivered once there is a thread.
    function.handle(http_event(headers={"Idempotency-Key": "first"}), Context312())
    monkeypatch.undo()
    function.handle(http_event(headers={"Idempotency-Key": "second"}), Context312())
    other = Function(MUTE_CALL, file, environ=environment(IDEMPOTENCY_URL=redis.url), call=FakeCall())
    other.handle(http_event(headers={"Idempotency-Key": "first"}), Context312())

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["code"], line["replayed"], line["reason"]) for line in lines] == [
        ("muted", False, "answer not stored, claim not released: no thread is free"),
        ("idempotency_unavailable", False, "claim failed: no thread is free"),
        ("muted", True, None),
        ("muted", False, None),
        ("muted", True, None),
    ]
