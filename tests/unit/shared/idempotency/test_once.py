"""Nothing twice, on the function's own pipeline: which key counts, what is kept, and what a duplicate gets."""

from __future__ import annotations

import errno
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared.callers.schemes import read_auth
from shared.function import Function
from shared.idempotency import Held, MemoryStore, StoreError
from shared.idempotency.once import Work, fingerprint_of, name_of, once
from shared.outcome import Success
from shared.problems import (
    IdempotencyKeyReused,
    IdempotencyUnavailable,
    InProgress,
    Problem,
    Upstream,
    UpstreamProblem,
    problem_types,
)
from shared.runtime.event import Request, read_event
from tests.builders import PAYLOAD, Context312, http_event
from tests.unit.shared.conftest import Lines
from tests.unit.shared.fakes import BEARER, MUTE_CALL, NOW, FakeCall, World, sample

MUTED = Success("muted", {"status": "muted", "muted": True, "call_type": None}, Upstream("OK", "A-1"))
PROBLEMS = [kind for kind in problem_types(UpstreamProblem) if issubclass(kind, UpstreamProblem)]
OTHER = {**PAYLOAD, "JobId": "job-other"}
KEY = {"Idempotency-Key": "key-1"}
SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0cy0xMjM0NTY="
CALLERS = f"""
[callers.default]{BEARER}
[callers.other]{BEARER}
[callers.flow]{BEARER}
response = "always-200"
[callers.body]{BEARER}
idempotency_key = "body.UserId"
[callers.mapped]{BEARER}
idempotency_key = "body.id"
event_time = "body.at"
max_age_seconds = 60
parameters = {{ job_id = "body.job" }}
defaults = {{ device_id = "d", instance_id = "ccc-test", user_id = "user-test@ccc-test" }}
[callers.query]{BEARER}
idempotency_key = "query.id"
[callers.signed]
auth = {{ scheme = "standard-webhooks", secrets = ["env:WEBHOOK_SECRET"] }}
instances = ["ccc-test"]
[callers.hub]
auth = {{ scheme = "github", secrets = ["env:WEBHOOK_SECRET"] }}
instances = ["ccc-test"]
[callers.ivr]
auth = {{ scheme = "ram" }}
instances = ["ccc-test"]
idempotency_key = "body.JobId"
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, CALLERS)
    world.environ["WEBHOOK_SECRET"] = SECRET
    return world


# --- what a duplicate gets -------------------------------------------------------------------------------------------


def test_a_duplicate_gets_the_first_answer_and_calls_nobody(world: World, lines: Lines) -> None:
    first, second = (world.http(headers=KEY) for _ in range(2))

    assert (second.status, second.body) == (first.status, {**first.body, "replayed": True})
    assert first.body["replayed"] is False
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers == {**first.headers, "Idempotency-Replayed": "true"}
    assert len(world.call.calls) == 1
    told = [(line["code"], line["replayed"], line["attempts"], line["upstream_ms"] is None) for line in lines()]
    assert told == [("muted", False, 1, False), ("muted", True, 0, True)]


def test_without_a_key_every_request_runs(world: World) -> None:
    for headers in ({}, {}, {"Idempotency-Key": " "}, {"Idempotency-Key": ""}):
        assert "Idempotency-Replayed" not in world.http(headers=headers).headers
    assert len(world.call.calls) == 4


def test_a_key_counts_for_its_caller_alone(world: World) -> None:
    for path in ("/default", "/other"):
        assert "Idempotency-Replayed" not in world.http(path=path, headers=KEY).headers


def test_another_payload_needs_another_key(world: World) -> None:
    world.http(headers=KEY)

    reply = world.http(OTHER, headers=KEY)

    assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert len(world.call.calls) == 1


def test_a_flow_that_always_gets_200_is_told_of_the_replay_too(world: World) -> None:
    first, second = (world.http(path="/flow", headers=KEY) for _ in range(2))

    assert first.body["replayed"] == "false"
    assert (second.status, second.body) == (200, {**first.body, "replayed": "true"})
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_direct_invocation_is_replayed_in_its_own_form(world: World) -> None:
    first, second = (world.direct(PAYLOAD) for _ in range(2))

    assert first["replayed"] == "false"
    assert second == {**first, "replayed": "true"}
    assert len(world.call.calls) == 1


@pytest.mark.parametrize("kind", PROBLEMS, ids=lambda kind: kind.code)
def test_only_an_answer_about_the_call_itself_is_kept(world: World, kind: type[UpstreamProblem]) -> None:
    world.call.outcome = kind("the reason", upstream=Upstream("Some.Code", "A-1"))
    first = world.http(headers=KEY)
    world.call.outcome = sample("typed")

    second = world.http(headers=KEY)

    if kind.is_final:
        assert (second.status, second.body) == (first.status, first.body)
        assert second.headers["Idempotency-Replayed"] == "true"
    else:
        assert (second.status, second.headers.get("Idempotency-Replayed")) == (200, None)


def test_the_codes_that_are_kept_are_the_contracts() -> None:
    kept = {kind.code for kind in problem_types() if kind.is_final}
    family = {"job_not_found", "instance_not_found", "channel_not_found", "user_not_found"}
    assert kept == family | {"invalid_state", "upstream_rejected"}


def test_a_defect_leaves_the_key_free(world: World) -> None:
    world.call.outcome = RuntimeError("defect")
    assert world.http(headers=KEY).status == 500
    world.call.outcome = sample("typed")

    assert world.http(headers=KEY).status == 200


def test_of_many_at_once_one_runs(tmp_path: Path) -> None:
    world, running, release = World(tmp_path, CALLERS), threading.Event(), threading.Event()

    class Waiting(FakeCall):
        def __call__(self, *arguments: Any) -> dict[str, Any]:
            running.set()
            release.wait(10)
            return super().__call__(*arguments)

    call = Waiting()
    function = Function(MUTE_CALL, world.callers_file, environ=world.environ, now=lambda: NOW, call=call)
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(function.handle, http_event(headers=KEY), Context312())
        assert running.wait(10)
        others = list(pool.map(lambda _: function.handle(http_event(headers=KEY), Context312()), range(19)))
        release.set()

    assert first.result()["statusCode"] == 200
    assert {answer["statusCode"] for answer in others} == {409}
    assert all(1 <= int(answer["headers"]["Retry-After"]) <= 5 for answer in others)
    assert len(call.calls) == 1


# --- which key counts ------------------------------------------------------------------------------------------------


def signed(name: str, scheme: str, now: float = NOW, headers: dict[str, str] | None = None, **changes: str) -> bytes:
    """Return an event that is signed as a caller's sender does."""
    event = http_event({**PAYLOAD, **changes}, path=f"/{name}", token=None)
    request: Request = read_event(event)
    model = read_auth({"scheme": scheme, "secrets": ["env:WEBHOOK_SECRET"]})
    request = request.with_headers({"webhook-id": "msg_1"})
    made = model.sign(request, SECRET, now)
    return http_event({**PAYLOAD, **changes}, path=f"/{name}", token=None, headers={**made.headers, **(headers or {})})


def test_a_signed_id_counts_however_often_it_is_signed_anew(world: World) -> None:
    replies = [world.send(signed("signed", "standard-webhooks", now)) for now in (NOW, NOW + 20)]

    assert [reply.headers.get("Idempotency-Replayed") for reply in replies] == [None, "true"]


def test_an_unsigned_header_never_counts_for_a_signed_request(world: World) -> None:
    keys = ("a", "b")
    replies = [world.send(signed("signed", "standard-webhooks", headers={"Idempotency-Key": key})) for key in keys]

    assert [reply.headers.get("Idempotency-Replayed") for reply in replies] == [None, "true"]


def test_a_signature_counts_in_whichever_case_it_is_written(world: World) -> None:
    event = signed("hub", "github")
    digest = read_event(event).headers["x-hub-signature-256"].removeprefix("sha256=")
    upper = signed("hub", "github", headers={"x-hub-signature-256": f"sha256={digest.upper()}"})

    replies = [world.send(one) for one in (event, upper, signed("hub", "github", DeviceId="another"))]

    assert [reply.headers.get("Idempotency-Replayed") for reply in replies] == [None, "true", None]


def test_an_expression_sees_the_query_beside_a_body(world: World) -> None:
    replies = [world.http(path="/query", query={"id": value}) for value in ("1", "1", "2")]

    assert [reply.headers.get("Idempotency-Replayed") for reply in replies] == [None, "true", None]


def mapped(**changes: Any) -> dict[str, Any]:
    return {"job": "job-1", "id": "event-1", "at": NOW, **changes}


def test_an_integer_is_a_key(world: World) -> None:
    replies = [world.http(mapped(id=value), path="/mapped") for value in (7, "7")]

    assert [reply.headers.get("Idempotency-Replayed") for reply in replies] == [None, "true"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "was not found; from `body.id`"),
        ("  ", "was not found; from `body.id`"),
        (True, "must be a string or an integer"),
        (1.5, "must be a string or an integer"),
        (["event-1"], "must be a string or an integer"),
        ({"id": 1}, "must be a string or an integer"),
        ("x" * 256, "must have at most 255 characters"),
    ],
)
def test_an_expression_that_finds_no_key_is_an_error(world: World, value: object, reason: str) -> None:
    reply = world.http(mapped(id=value), path="/mapped", headers=KEY)

    assert (reply.status, reply.code) == (422, "invalid_parameters")
    assert reply.body["errors"] == [{"field": "idempotency_key", "reason": reason}]
    assert world.call.calls == []


def test_255_characters_are_a_key(world: World) -> None:
    assert world.http(mapped(id="x" * 255), path="/mapped").status == 200


@pytest.mark.parametrize(
    ("auth", "ttl", "status"),
    [
        ('scheme = "standard-webhooks"', 599, 500),
        ('scheme = "standard-webhooks"', 600, 401),
        ('scheme = "standard-webhooks", tolerance_seconds = 20', 39, 500),
        ('scheme = "standard-webhooks", tolerance_seconds = 20', 40, 401),
        ('scheme = "stripe", tolerance_seconds = 86400', 86_400, 500),
        ('scheme = "hmac", signature = "header.x-s", timestamp = "header.x-t", content = "{timestamp}{body}"', 1, 500),
        # No timestamp: a recorded request is good for ever, whatever the variable says.
        ('scheme = "hmac", signature = "header.x-s"', 1, 401),
        ('scheme = "github"', 1, 401),
        ('scheme = "bearer"', 1, 401),
    ],
)
def test_a_recorded_request_must_not_outlive_its_key(
    world: World, lines: Lines, auth: str, ttl: int, status: int
) -> None:
    auth = f'auth = {{ {auth}, secrets = ["env:WEBHOOK_SECRET"] }}\ninstances = ["ccc-test"]'
    world.write_callers(f"[callers.default]{BEARER}[callers.crm]\n{auth}\n")
    world.environ["IDEMPOTENCY_TTL_SECONDS"] = str(ttl)

    assert world.http(path="/crm", token=None).status == status
    # Whoever else there is goes on.
    assert world.http(headers=KEY).status == 200

    lines()
    world.function.initialize(Context312())
    told = [line["reason"] for line in lines()]
    assert len(told) == (status == 500)
    assert all(f"callers.crm: IDEMPOTENCY_TTL_SECONDS is {ttl}, less than twice" in reason for reason in told)


# --- late requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [NOW, NOW - 59, NOW + 59, int(NOW * 1000), "2023-09-05T06:41:11Z", str(int(NOW))])
def test_an_event_of_now_is_muted(world: World, at: object) -> None:
    assert world.http(mapped(at=at), path="/mapped").status == 200


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW - 61, "is too old"),
        (NOW + 61, "is too far ahead"),
        # The same clock in another zone, written as if it were UTC.
        ("2023-09-05T14:41:11Z", "is too far ahead"),
        (None, "was not found; from `body.at`"),
        ("2023-09-05T06:41:11", "must be ISO 8601 with an offset, RFC 2822, or seconds or milliseconds since 1970"),
        ({}, "must be ISO 8601 with an offset, RFC 2822, or seconds or milliseconds since 1970"),
    ],
)
def test_an_event_of_another_time_is_refused(world: World, lines: Lines, at: object, reason: str) -> None:
    reply = world.http(mapped(at=at), path="/mapped")

    assert (reply.status, reply.code) == (422, "invalid_parameters")
    assert reply.body["errors"] == [{"field": "event_time", "reason": reason}]
    # By how much is for the operator alone.
    off = f", {61 if isinstance(at, float) else 28800} s by this clock; at most 60 s" if reason.startswith("is") else ""
    assert lines()[-1]["reason"] == f"event_time {reason}{off}"
    assert world.call.calls == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"at": NOW - 61}, "invalid_parameters"), ({"id": None}, "invalid_parameters"), ({}, "forbidden")],
)
def test_age_and_key_are_checked_before_the_instance(world: World, changes: dict[str, Any], code: str) -> None:
    from_the_body = 'parameters = { job_id = "body.job", instance_id = "body.where" }'
    world.write_callers(CALLERS.replace('parameters = { job_id = "body.job" }', from_the_body))

    assert world.http(mapped(where="other", **changes), path="/mapped").code == code


@pytest.mark.parametrize("alone", ['event_time = "body.at"', "max_age_seconds = 60"])
def test_a_time_and_an_age_need_each_other(world: World, lines: Lines, alone: str) -> None:
    world.write_callers(f"[callers.default]{BEARER}{alone}\n")

    assert world.http().code == "configuration_error"
    assert "event_time and max_age_seconds need each other" in lines()[-1]["reason"]


# --- the store -------------------------------------------------------------------------------------------------------


class Failing(MemoryStore):
    """A store whose steps can fail, each by its name."""

    def __init__(self, *steps: str, error: Exception | None = None) -> None:
        super().__init__()
        self.steps = steps
        self.error = error or StoreError("Gone")
        self.deadlines: dict[str, float] = {}

    def _step(self, name: str, deadline: float) -> None:
        self.deadlines[name] = deadline - time.monotonic()
        if name in self.steps:
            raise self.error

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        self.lease_ms = lease_ms
        self._step("claim", deadline)
        return super().claim(key, value, lease_ms, deadline)

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        self.ttl_ms = ttl_ms
        self._step("complete", deadline)
        return super().complete(key, value, ttl_ms, deadline)

    def release(self, key: str, value: str, deadline: float) -> None:
        self._step("release", deadline)
        super().release(key, value, deadline)


def work(run: Callable[[float], Success] = lambda _deadline: MUTED, **changes: Any) -> Work:
    return Work("name", "fingerprint", time.monotonic() + 4, run)._replace(**changes)


# What can be missing on an instance, and how the log says it.
SHORTAGES = [
    (StoreError("Gone"), "Gone"),
    (RuntimeError("can't start new thread"), "no thread is free"),
    (OSError(errno.EMFILE, "Too many open files"), "no file descriptor is free"),
    (MemoryError(), "no memory is free"),
    (RecursionError("secret"), "RecursionError"),
    (KeyError("secret"), "KeyError"),
]


@pytest.mark.parametrize(("error", "cause"), SHORTAGES)
def test_without_a_claim_nothing_runs(error: Exception, cause: str) -> None:
    ran: list[float] = []

    def run(deadline: float) -> Success:
        ran.append(deadline)
        return MUTED

    with pytest.raises(IdempotencyUnavailable) as caught:
        once(Failing("claim", error=error), work(run), 60)

    assert caught.value.reason == f"claim failed: {cause}"
    assert ran == []


@pytest.mark.parametrize(("error", "cause"), SHORTAGES)
def test_a_mute_stands_even_if_its_answer_cannot_be_stored(error: Exception, cause: str) -> None:
    done = once(Failing("complete", error=error), work(), 60)

    assert (done.outcome, done.replayed) == (MUTED, False)
    assert done.fault == f"answer not stored, claim not released: {cause}"


def test_a_mute_whose_answer_was_not_stored_is_in_the_log(world: World, lines: Lines) -> None:
    function = Function(
        MUTE_CALL,
        world.callers_file,
        environ=world.environ,
        now=lambda: NOW,
        call=world.call,
        open_store=lambda _url: Failing("complete"),
    )

    assert function.handle(http_event(headers=KEY), Context312())["statusCode"] == 200

    (line,) = lines()
    assert (line["level"], line["code"]) == ("WARNING", "muted")
    assert line["reason"] == "answer not stored, claim not released: Gone"


@pytest.mark.parametrize(("error", "cause"), SHORTAGES)
def test_a_failure_whose_claim_cannot_be_released_stands(error: Exception, cause: str) -> None:
    def run(_deadline: float) -> Success:
        raise PROBLEM

    assert not PROBLEM.is_final
    done = once(Failing("release", error=error), work(run), 60)

    assert done.outcome is PROBLEM
    assert done.fault == f"answer not stored, claim not released: {cause}"


def test_a_store_that_cannot_be_opened_is_unavailable(world: World, lines: Lines) -> None:
    def open_store(_url: str) -> MemoryStore:
        raise OSError(errno.EMFILE, "Too many open files")

    function = Function(
        MUTE_CALL, world.callers_file, environ=world.environ, now=lambda: NOW, call=world.call, open_store=open_store
    )

    assert function.handle(http_event(headers=KEY), Context312())["statusCode"] == 503

    assert lines()[-1]["reason"] == "store cannot be opened: no file descriptor is free"
    assert world.call.calls == []


PROBLEM: Problem = next(kind for kind in PROBLEMS if not kind.is_final)("reason")


def test_the_answer_of_another_that_came_first_stands() -> None:
    store = Failing()

    def run(_deadline: float) -> Success:
        store.complete("name", "another answer", 60_000, time.monotonic() + 1)
        return MUTED

    done = once(store, work(run), 60)

    assert done.outcome is MUTED
    assert done.fault == "answer not stored: the claim had expired, and the store has another request's answer"


def record(**changes: object) -> str:
    return json.dumps(
        {"fingerprint": "fingerprint", "code": "muted", "upstream": [None, None], "fields": {"status": "muted"}}
        | changes
    )


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{",
        "[]",
        "{}",
        '"x"',
        "null",
        "[" * 100_000,
        '{"fingerprint": ' + "[" * 100_000,
        "9" * 5_000,
        "?",
        "?" + "[" * 100_000,
        "?null",
        record(fingerprint=7),
        record(fingerprint=None),
        record(code=["muted"]),
        record(code={}),
        record(code="another"),
        record(upstream=None),
        record(upstream=["a", 1]),
        record(upstream=[[], {}]),
        record(fields=None),
        record(fields=["status"]),
        record(fields={}),
        record(fields={"status": "muted", "muted": [[]]}),
        record(fields={"status": "muted", "muted": 1.5}),
        record(code="job_not_found", reason=None),
        record(code="job_not_found", reason={}),
    ],
    ids=lambda text: text[:50],
)
def test_a_record_that_is_none_of_ours_is_no_answer(text: str) -> None:
    store = MemoryStore()
    store.complete("name", text, 60_000, 0)

    with pytest.raises(IdempotencyUnavailable, match="cannot be read"):
        once(store, work(), 60)


def test_a_record_of_ours_is_an_answer() -> None:
    store = MemoryStore()
    store.complete("name", record(), 60_000, 0)

    assert once(store, work(), 60) == (Success("muted", {"status": "muted"}), True, None)


def test_a_key_that_runs_with_another_payload_is_reused_not_in_progress() -> None:
    store = MemoryStore()

    def run(_deadline: float) -> Success:
        with pytest.raises(IdempotencyKeyReused):
            once(store, work(fingerprint="another"), 60)
        with pytest.raises(InProgress):
            once(store, work(), 60)
        return MUTED

    assert once(store, work(run), 60).outcome is MUTED


def test_the_budget_is_shared_out() -> None:
    store, given = Failing(), []

    def run(deadline: float) -> Success:
        given.append(deadline - time.monotonic())
        return MUTED

    once(store, work(run), 60)

    assert store.lease_ms == pytest.approx(4_000, abs=200)
    assert store.ttl_ms == 60_000
    assert store.deadlines["claim"] == pytest.approx(1.0, abs=0.2)
    assert given == [pytest.approx(3.6, abs=0.2)]
    assert store.deadlines["complete"] == pytest.approx(4.0, abs=0.2)


def test_names_keep_callers_functions_and_actions_apart_and_hide_the_key() -> None:
    parts = ("crm", "13188888888", "function", "MuteCall")
    names = {name_of(*parts), name_of(*parts[:2])} | {name_of(*parts[:n], "x", *parts[n + 1 :]) for n in range(4)}

    assert len(names) == 6
    assert not any("13188888888" in name for name in names)


def test_a_fingerprint_tells_requests_apart_and_not_their_order() -> None:
    first = {"JobId": "1", "UserId": "2"}

    assert fingerprint_of("MuteCall", first) == fingerprint_of("MuteCall", dict(reversed(first.items())))
    others = [("MuteCall", {"JobId": "2", "UserId": "1"}), ("UnmuteCall", first)]
    assert fingerprint_of("MuteCall", first) not in [fingerprint_of(*other) for other in others]


def test_the_store_is_opened_once_and_where_the_variable_says(world: World) -> None:
    opened: list[str] = []

    def open_store(url: str) -> MemoryStore:
        opened.append(url)
        return MemoryStore()

    world.environ["IDEMPOTENCY_URL"] = "redis://redis.example:6379/1"
    function = Function(
        MUTE_CALL, world.callers_file, environ=world.environ, now=lambda: NOW, call=world.call, open_store=open_store
    )
    function.initialize(Context312())
    for _ in range(2):
        function.handle(http_event(headers=KEY), Context312())

    assert opened == ["redis://redis.example:6379/1"]
