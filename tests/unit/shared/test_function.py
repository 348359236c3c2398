from __future__ import annotations

import base64
import hmac
import json
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from shared import __version__
from shared.function import Function
from shared.problems import JobNotFound, Throttled, Upstream, UpstreamTimeout
from shared.runtime.context import Credentials
from tests.builders import (
    CREDENTIALS,
    LOG_KEYS,
    PAYLOAD,
    REQUEST_ID,
    TOKEN,
    Context310,
    Context312,
    RoleCredentials,
    http_event,
)
from tests.builders import MUTED as ACCEPTED
from tests.unit.shared.fakes import BEARER, CALLERS, CCC_REQUEST_ID, MUTE_CALL, OWN_CHANNEL, Reply, World, sample

Lines = Callable[[], list[dict[str, Any]]]

MUTED = {**ACCEPTED, "request_id": CCC_REQUEST_ID}
NOT_FOUND = JobNotFound("CCC answered", upstream=Upstream("NotExists.JobId", "A-1"))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


# The call


def test_a_webhook_mutes_the_call(world: World) -> None:
    reply = world.http()

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body == MUTED


class Unreadable(dict[str, Any]):
    """An answer of CCC that cannot be read for want of memory."""

    def get(self, *_: object) -> Any:
        raise MemoryError


def test_a_mute_that_was_carried_out_is_told_whatever_becomes_of_its_answer(world: World, lines: Lines) -> None:
    world.call.outcome = Unreadable(sample("typed"))

    reply = world.http()

    unknown = {"muted", "call_type", "channel_state", "user_state", "request_id"}
    assert reply.body == {**MUTED, **dict.fromkeys(unknown)}
    assert lines()[0]["code"] == "muted"


def test_ccc_is_called_once_with_its_own_names(world: World) -> None:
    world.send(http_event({**PAYLOAD, "ChannelId": OWN_CHANNEL}), Context312(region="cn-hangzhou"))

    (called,) = world.call.calls
    assert called.action is MUTE_CALL
    assert called.parameters == {**PAYLOAD, "ChannelId": OWN_CHANNEL}
    assert called.settings.ccc_endpoint == "https://ccc.cn-hangzhou.aliyuncs.com"


def test_the_deadline_starts_with_the_invocation(world: World) -> None:
    world.environ["DEADLINE_MS"] = "2500"
    before = time.monotonic()

    world.http()

    assert before <= world.call.calls[0].deadline - 2.5 <= time.monotonic()


@pytest.mark.parametrize(
    ("kwargs", "caller"),
    [
        ({"path": ""}, "default"),
        ({"path": "/2020/mute/office"}, "office"),
        ({"body": urlencode(PAYLOAD), "headers": FORM}, "default"),
        ({"body": "", "query": PAYLOAD}, "default"),
        ({"body": "", "query": PAYLOAD, "headers": {"Content-Type": "text/plain"}}, "default"),
        ({"query": {"JobId": "%FF"}}, "default"),
        ({"method": "GET", "path": "/reader", "body": "", "query": PAYLOAD}, "reader"),
        ({"method": "post"}, "default"),
        ({"body": base64.b64encode(json.dumps(dict(PAYLOAD)).encode()).decode(), "is_base64": True}, "default"),
    ],
)
def test_every_form_of_request_is_taken(world: World, lines: Lines, kwargs: dict[str, Any], caller: str) -> None:
    reply = world.http(**kwargs)

    assert reply.body == MUTED
    assert world.call.calls[0].parameters == dict(PAYLOAD)
    assert lines()[0]["caller"] == caller


# The order of the checks

STEPS = (
    ("size", 413, "payload_too_large"),
    ("method", 405, "method_not_allowed"),
    ("base64", 400, "malformed_request"),
    ("configuration", 500, "configuration_error"),
    ("credential", 401, "unauthorized"),
    ("caller's methods", 405, "method_not_allowed"),
    ("network", 403, "forbidden"),
    ("content type", 415, "unsupported_media_type"),
    ("decoding", 400, "malformed_request"),
    ("parameters", 422, "invalid_parameters"),
    ("instance", 403, "forbidden"),
    ("call", 404, "job_not_found"),
)
# What tells apart the steps that share a code.
REASONS = {
    "base64": "body is not base64 or not UTF-8",
    "network": "source address is not in the caller's networks",
    "decoding": "not valid JSON",
    "instance": "instance is not on the caller's list",
}
ALLOW = {"method": "POST, GET", "caller's methods": "POST"}


def send_broken(world: World, steps: set[str]) -> Reply:
    """Send to the caller `office` a request that fails at all these steps."""
    payload = dict(PAYLOAD)
    if "parameters" in steps:
        del payload["JobId"]
    if "instance" in steps:
        payload["InstanceId"] = "other"
    body = json.dumps(payload)
    if "decoding" in steps:
        body = body[:-1]
    if "size" in steps:
        body += " " * 360_000
    if "configuration" in steps:
        world.environ["LOG_LEVEL"] = "loud"
    if "call" in steps:
        world.call.outcome = NOT_FOUND
    return world.http(
        path="/office",
        method="PUT" if "method" in steps else "GET" if "caller's methods" in steps else "POST",
        body=body,
        is_base64="base64" in steps,
        token="wrong" if "credential" in steps else TOKEN,
        source_ip="198.51.100.1" if "network" in steps else "203.0.113.9",
        headers={"Content-Type": "text/plain"} if "content type" in steps else {},
    )


@pytest.mark.parametrize(
    ("filling", "is_http"), [(b"a", True), (b"\\u0000", True), (b"[", False), (b"\xff", True), (b"\\ud800", False)]
)
def test_of_an_oversized_event_nothing_is_parsed_or_copied(
    world: World, lines: Lines, filling: bytes, *, is_http: bool
) -> None:
    start = http_event(method="PUT", path="/healthz", is_base64=True, body="")[:-1] if is_http else b'{"JobId": "'
    event = start + b', "rest": "' + filling * (33_554_432 // len(filling))
    tracemalloc.start()
    answer = world.function.handle(event, Context312())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (answer["statusCode"] if is_http else answer["status"]) == (413 if is_http else "error")
    assert [line["code"] for line in lines()] == ["payload_too_large"]
    assert peak < 200_000


@pytest.mark.parametrize("index", range(len(STEPS) + 1), ids=[*(step[0].replace(" ", "-") for step in STEPS), "none"])
def test_a_check_beats_all_the_later_ones(world: World, lines: Lines, index: int) -> None:
    step, status, code = [*STEPS, ("none", 200, None)][index]

    reply = send_broken(world, {step[0] for step in STEPS[index:]})

    assert (reply.status, reply.code) == (status, code)
    assert reply.headers.get("Allow") == ALLOW.get(step)
    assert REASONS.get(step, "") in (lines()[0]["reason"] or "")
    assert len(world.call.calls) == (1 if step in ("call", "none") else 0)


def test_missing_role_credentials_are_told_to_authenticated_callers_only(world: World) -> None:
    for name in CREDENTIALS:
        del world.environ[name]

    assert world.http(token="wrong").code == "unauthorized"
    assert world.http().code == "configuration_error"
    assert not world.call.calls


# Routes


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/"), ("HEAD", "/healthz"), ("OPTIONS", "/nobody"), ("", "/"), ("P\u00d6ST", "/")]
)
def test_other_methods_are_not_allowed(world: World, method: str, path: str) -> None:
    reply = world.http(method=method, path=path)

    assert reply.code == "method_not_allowed"
    assert reply.headers["Allow"] == "POST, GET"


@pytest.mark.parametrize("path", ["/healthz", "/2020/healthz/", "/health%7A"])
def test_the_health_check_needs_no_credential(world: World, path: str) -> None:
    reply = world.http(method="GET", path=path, token=None, body="")

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.text == json.dumps({"status": "ok", "version": __version__, "build": None})


@pytest.mark.parametrize(
    ("content", "build"),
    [
        (b"0123456789ab\n", "0123456789ab"),
        (b"0123456789AB\n", None),
        (b"\xff" * 12, None),
    ],
)
def test_the_health_check_names_the_package_and_reads_it_once(world: World, content: bytes, build: str | None) -> None:
    file = world.callers_file.with_name("build.txt")
    file.write_bytes(content)
    packaged = Function(MUTE_CALL, world.callers_file, environ=world.environ)
    file.unlink()

    answer = packaged.handle(http_event(method="GET", path="/healthz", token=None), Context312())

    assert json.loads(answer["body"])["build"] == build


@pytest.mark.parametrize(
    ("callers", "environ"),
    [
        ("[callers", {}),
        ("", {}),
        (CALLERS, {"LOG_LEVEL": "loud"}),
        (CALLERS, {"CALLERS_FILE": "/nowhere"}),
        (f"[callers.default]{BEARER}", {"MUTE_CALL_TOKEN": ""}),
    ],
)
def test_the_health_check_fails_while_everybody_is_stopped(world: World, callers: str, environ: dict[str, str]) -> None:
    world.write_callers(callers)
    world.environ.update(environ)

    reply = world.http(method="GET", path="/healthz", token=None)

    assert reply.status == 503
    assert reply.text == json.dumps({"status": "unavailable", "version": __version__, "build": None})


def test_the_health_check_calls_nobody_and_writes_no_line(world: World, lines: Lines) -> None:
    world.http(method="GET", path="/healthz")

    assert not world.call.calls
    assert lines() == []


# Callers


@pytest.mark.parametrize(
    ("path", "token"),
    [
        ("/nobody", TOKEN),
        ("/healthz", None),
        ("/ivr", TOKEN),
        ("/DEFAULT", "wrong"),
        ("/a%2Fdefault", TOKEN),
        ("/%00", ""),
    ],
)
def test_an_unknown_caller_is_told_like_a_wrong_credential(world: World, path: str, token: str | None) -> None:
    wrong = world.send(http_event(token="wrong"), Context312(request_id="1-a"))

    unknown = world.send(http_event(path=path, token=token), Context312(request_id="1-b"))

    assert unknown.status == 401
    assert unknown.text == wrong.text.replace("1-a", "1-b")
    assert unknown.headers == wrong.headers
    assert wrong.headers["WWW-Authenticate"]


def test_two_secrets_are_good_while_a_rotation_lasts(world: World) -> None:
    world.write_callers(
        '[callers.default]\nauth = { scheme = "bearer", secrets = ["env:NEW", "env:OLD?"] }\ninstances = ["ccc-test"]\n'
    )
    world.environ.update(NEW="new-token", OLD="old-token")

    assert world.http(token="old-token").status == 200
    assert world.http(token="new-token").status == 200

    del world.environ["OLD"]

    assert world.http(token="old-token").code == "unauthorized"
    assert world.http(token="new-token").status == 200


@pytest.mark.parametrize("value", [None, "no token\n"])
def test_an_unset_secret_stops_its_own_caller(world: World, value: str | None, lines: Lines) -> None:
    world.write_callers(
        CALLERS + '[callers.crm]\nauth = { scheme = "bearer", secrets = ["env:CRM_TOKEN"] }\ninstances = ["*"]\n'
    )
    if value is not None:
        world.environ["CRM_TOKEN"] = value

    for token in (TOKEN, "", None, value):
        assert world.http(path="/crm", token=token).code == "configuration_error"
    assert world.http().status == world.http(method="GET", path="/healthz").status == 200
    assert "CRM_TOKEN" in lines()[0]["reason"]


def test_a_broken_file_stops_everyone_until_it_is_repaired(world: World) -> None:
    world.write_callers(CALLERS + "[callers.crm]\n")

    replies = [world.http(), world.http(path="/office"), world.http(path="/nobody"), world.http(token=None)]

    assert {reply.code for reply in replies} == {"configuration_error"}
    assert world.direct(PAYLOAD)["code"] == "configuration_error"

    world.write_callers(CALLERS)

    assert world.http().status == 200


def test_variables_and_callers_file_are_read_at_every_request(world: World) -> None:
    world.environ["MUTE_CALL_TOKEN"] = "another-token"
    assert world.http().code == "unauthorized"
    assert world.http(token="another-token").status == 200

    world.write_callers(f"[callers.other]{BEARER}")
    assert world.http(token="another-token").code == "unauthorized"
    assert world.http(token="another-token", path="/other").status == 200


def test_an_anonymous_caller_needs_no_credential(world: World) -> None:
    world.write_callers(
        '[callers.default]\nauth = { scheme = "none", allow_anonymous = true }\ninstances = ["ccc-test"]\n'
    )

    assert world.http(token=None).body == MUTED


# Payload


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"JobId": None}, "JobId"),
        ({"ChannelID": "ch"}, "payload"),
    ],
)
def test_a_payload_against_the_rules_is_told_by_field(world: World, changes: dict[str, Any], field: str) -> None:
    reply = world.http({**PAYLOAD, **changes})

    assert (reply.status, reply.code) == (422, "invalid_parameters")
    assert [error["field"] for error in reply.body["errors"]] == [field]
    assert set(reply.body["errors"][0]) == {"field", "reason"}


# Failures


def test_a_problem_of_ccc_is_told_as_the_contract_shows_it(world: World) -> None:
    world.call.outcome = NOT_FOUND

    reply = world.http()

    body = dict(reply.body)
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert body.pop("type").endswith("/problems#job_not_found")
    assert body.pop("detail")
    assert body == {
        "title": "Call not found",
        "status": 404,
        "code": "job_not_found",
        "retryable": False,
        "request_id": REQUEST_ID,
        "upstream": {"code": "NotExists.JobId", "request_id": "A-1"},
    }


@pytest.mark.parametrize("error", [RuntimeError("canary"), KeyError("canary"), RecursionError(), MemoryError()])
def test_a_defect_is_an_internal_error_and_tells_its_place_to_the_log_only(
    world: World, lines: Lines, error: Exception
) -> None:
    world.call.outcome = error

    reply = world.http()

    assert (reply.status, reply.code) == (500, "internal_error")
    (line,) = lines()
    assert line["reason"].startswith(f"{type(error).__name__} at fakes.py:")
    assert "canary" not in json.dumps(line) + reply.text


@pytest.mark.parametrize("context", [None, object(), Context312(request_id="")])
def test_a_context_that_tells_nothing_is_borne(world: World, context: object) -> None:
    answer = world.function.handle(http_event(), context if context is not None else 0)

    assert answer["statusCode"] == 200


# always-200


def test_always_200_tells_a_success_in_strings(world: World) -> None:
    reply = world.http(path="/flow")

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body == {**MUTED, "muted": "true", "replayed": "false"}


@pytest.mark.parametrize(
    ("kwargs", "outcome", "code", "retryable"),
    [
        ({"method": "GET"}, None, "method_not_allowed", "false"),
        ({"payload": {}}, None, "invalid_parameters", "false"),
        ({}, UpstreamTimeout("r"), "upstream_timeout", "true"),
        ({}, RuntimeError(), "internal_error", "false"),
    ],
)
def test_always_200_tells_every_failure_behind_the_credential(
    world: World, lines: Lines, kwargs: dict[str, Any], outcome: Exception | None, code: str, retryable: str
) -> None:
    if outcome is not None:
        world.call.outcome = outcome

    reply = world.http(path="/flow", **kwargs)

    assert reply.status == 200
    assert reply.headers == {"Content-Type": "application/json", "Cache-Control": "no-store"}
    assert ("errors" in reply.body) == (code == "invalid_parameters")
    reply.body.pop("errors", None)
    assert reply.body == {"status": "error", "code": code, "retryable": retryable, "request_id": REQUEST_ID}
    assert lines()[0]["status"] == 200


@pytest.mark.parametrize(
    ("kwargs", "status"),
    [
        ({"token": "wrong"}, 401),
        ({"method": "PUT"}, 405),
        ({"body": "!", "is_base64": True}, 400),
        ({"body": " " * 262_145}, 413),
    ],
)
def test_always_200_starts_with_the_credential(world: World, kwargs: dict[str, Any], status: int) -> None:
    reply = world.http(path="/flow", **kwargs)

    assert reply.status == reply.body["status"] == status
    assert reply.headers["Content-Type"] == "application/problem+json"


# Direct invocation


def test_a_direct_invocation_is_answered_flat(world: World, lines: Lines) -> None:
    assert world.direct(PAYLOAD) == {**MUTED, "muted": "true", "replayed": "false"}
    assert world.call.calls[0].parameters == dict(PAYLOAD)
    (line,) = lines()
    assert (line["caller"], line["status"], line["code"]) == ("ivr", None, "muted")


@pytest.mark.parametrize(
    ("event", "outcome", "code"),
    [
        (b"{", None, "malformed_request"),
        (None, None, "malformed_request"),
        (b'{"a": 1, "a": 1}', None, "malformed_request"),
        (b'{"a": 1e999}', None, "malformed_request"),
        (b'{"a": "' + b"x" * 262_144 + b'"}', None, "payload_too_large"),
        (b"{}", None, "invalid_parameters"),
        (json.dumps({**PAYLOAD, "InstanceId": "other"}).encode(), None, "forbidden"),
        (json.dumps(dict(PAYLOAD)).encode(), Throttled("r"), "throttled"),
        (json.dumps(dict(PAYLOAD)).encode(), RuntimeError(), "internal_error"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_direct_invocation_that_fails_is_answered_flat(
    world: World, lines: Lines, event: object, outcome: Exception | None, code: str
) -> None:
    if outcome is not None:
        world.call.outcome = outcome

    answer = world.function.handle(event, Context312())

    assert ("errors" in answer) == (code == "invalid_parameters")
    answer.pop("errors", None)
    assert answer == {
        "status": "error",
        "code": code,
        "retryable": "true" if code == "throttled" else "false",
        "request_id": REQUEST_ID,
    }
    assert lines()[0]["status"] is None


def test_a_direct_invocation_without_a_caller_for_it_is_forbidden(world: World, lines: Lines) -> None:
    world.write_callers(f"[callers.default]{BEARER}")

    assert world.direct(PAYLOAD)["code"] == "forbidden"
    assert lines()[0]["caller"] is None


def test_a_direct_invocation_is_flat_whatever_its_caller_says(world: World) -> None:
    world.write_callers('[callers.ivr]\nauth = { scheme = "ram" }\ninstances = ["*"]\n')

    assert world.direct(PAYLOAD) == {**MUTED, "muted": "true", "replayed": "false"}
    assert world.direct({})["status"] == "error"


# Role credentials


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_credentials_that_change_between_two_invocations_are_the_new_ones(world: World, runtime: str) -> None:
    for part in ("one", "two"):
        context: Context312 = Context312()
        if runtime == "python3.10":
            context = Context310(credentials=RoleCredentials(*[f"{name}-{part}" for name in ("id", "secret", "token")]))
        else:
            world.environ.update(
                zip(CREDENTIALS, [f"{name}-{part}" for name in ("id", "secret", "token")], strict=True)
            )
        assert world.send(http_event(), context).status == 200

    assert [called.credentials for called in world.call.calls] == [
        Credentials("id-one", "secret-one", "token-one"),
        Credentials("id-two", "secret-two", "token-two"),
    ]


# The log


def test_the_line_of_a_success_tells_its_facts(world: World, lines: Lines) -> None:
    world.http()

    (line,) = lines()
    assert list(line) == LOG_KEYS
    assert line.pop("duration_ms") >= line.pop("upstream_ms") >= 0
    assert line == {
        "timestamp": "2023-09-05T06:41:11.895Z",
        "level": "INFO",
        "event": "webhook",
        "action": "MuteCall",
        "request_id": REQUEST_ID,
        "traceparent": None,
        "caller": "default",
        "code": "muted",
        "status": 200,
        "retryable": False,
        "instance_id": "ccc-test",
        "job_id": "job-65815360847228928",
        "upstream_code": "OK",
        "upstream_request_id": CCC_REQUEST_ID,
        "attempts": 1,
        "cold_start": True,
        "replayed": False,
        "reason": None,
    }


def test_the_line_of_a_failure_of_ccc_names_its_code_and_id(world: World, lines: Lines) -> None:
    world.call.outcome = NOT_FOUND

    world.http()

    (line,) = lines()
    assert (line["upstream_code"], line["upstream_request_id"]) == ("NotExists.JobId", "A-1")
    assert (line["attempts"], line["level"]) == (1, "WARNING")
    assert line["upstream_ms"] is not None


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_the_line_has_the_trace_of_an_http_request(world: World, lines: Lines) -> None:
    world.http(headers={"Traceparent": TRACEPARENT})
    world.http(headers={"Traceparent": TRACEPARENT}, token="wrong")
    world.http(headers={"Traceparent": "call +86 131 8888 8888"})

    assert [line["traceparent"] for line in lines()] == [TRACEPARENT, TRACEPARENT, None]


def test_a_direct_invocation_has_no_trace(world: World, lines: Lines) -> None:
    world.direct({**PAYLOAD, "headers": {"traceparent": TRACEPARENT}, "traceparent": TRACEPARENT})

    assert [line["traceparent"] for line in lines()] == [None]


def test_only_the_first_invocation_is_a_cold_start(world: World, lines: Lines) -> None:
    world.http()
    world.direct(PAYLOAD)

    assert [line["cold_start"] for line in lines()] == [True, False]


@pytest.mark.parametrize(
    ("level", "codes"),
    [
        ("warning", ["unauthorized", "internal_error"]),
        ("CRITICAL", []),
    ],
)
def test_the_log_level_is_a_threshold(world: World, lines: Lines, level: str, codes: list[str]) -> None:
    world.environ["LOG_LEVEL"] = level

    world.http()
    world.http(token="wrong")
    world.call.outcome = RuntimeError()
    world.http()

    assert [line["code"] for line in lines()] == codes


# The initializer


def test_initialize_tells_everything_that_is_wrong_at_once(world: World, lines: Lines) -> None:
    world.write_callers("[callers.crm]\ntoken = 1\n")
    world.environ.clear()
    world.environ.update(LOG_LEVEL="loud", DEADLINE_MS="soon")

    world.function.initialize(Context312())

    (line,) = lines()
    assert (line["event"], line["level"], line["code"]) == ("initialize", "ERROR", "configuration_error")
    assert line["request_id"] == REQUEST_ID
    assert all(
        place in line["reason"]
        for place in (
            "LOG_LEVEL",
            "DEADLINE_MS",
            "callers.crm.auth",
            "callers.crm.instances",
            "callers.crm.token",
            "role",
        )
    )


def test_initialize_never_raises(tmp_path: Path, lines: Lines) -> None:
    class Hostile(dict[str, str]):
        def get(self, _name: str, _default: Any = None) -> Any:
            raise RuntimeError("canary")

    world = World(tmp_path)
    function = type(world.function)(MUTE_CALL, world.callers_file, environ=Hostile(), call=world.call)

    function.initialize(None)

    (line,) = lines()
    assert line["reason"].startswith("RuntimeError at test_function.py:")
    assert "canary" not in line["reason"]


def test_requests_find_the_same_faults_as_initialize(world: World, lines: Lines) -> None:
    world.environ["LOG_LEVEL"] = "loud"

    world.function.initialize(Context312())
    reply = world.http()

    assert reply.code == "configuration_error"
    first, second = lines()
    assert first["reason"] == second["reason"]


def test_the_default_environment_is_the_processes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    function = type(world.function)(MUTE_CALL, world.callers_file, call=world.call)
    assert json.loads(function.handle(http_event(), Context312())["body"])["code"] == "configuration_error"

    _set(monkeypatch, world.environ)

    assert json.loads(function.handle(http_event(), Context312())["body"]) == MUTED


def _set(monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str]) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def test_a_context_that_fails_does_not_make_the_handler_raise(world: World) -> None:
    class Failing:
        @property
        def request_id(self) -> str:
            raise RuntimeError

        @property
        def credentials(self) -> RoleCredentials:
            raise RuntimeError

    assert world.send(http_event(), Failing()).status == 200
    world.function.initialize(Failing())


def test_a_signature_that_leaves_the_query_out_does_not_let_it_be_the_payload(world: World) -> None:
    world.write_callers(
        '[callers.hub]\nauth = { scheme = "github", secrets = ["env:HUB"] }\ninstances = ["ccc-test"]\n'
    )
    world.environ["HUB"] = "secret"
    signature = f"sha256={hmac.digest(b'secret', b'', 'sha256').hex()}"

    reply = world.http(path="/hub", body="", query=PAYLOAD, headers={"X-Hub-Signature-256": signature})

    assert (reply.code, world.call.calls) == ("invalid_parameters", [])


@pytest.mark.parametrize("name", ["authorization", "x-key"])
def test_an_expression_does_not_see_a_credential(world: World, name: str) -> None:
    place = ', key = "header.X-Key"' if name == "x-key" else ""
    scheme = "bearer" if name == "authorization" else "api-key"
    world.write_callers(
        f'[callers.x]\nauth = {{ scheme = "{scheme}", secrets = ["env:KEY"]{place} }}\ninstances = ["ccc-test"]\n'
        f"[callers.x.parameters]\njob_id = 'headers.\"{name}\"'\n"
        '[callers.x.defaults]\ndevice_id = "d"\nuser_id = "a@b"\ninstance_id = "ccc-test"\n'
    )
    world.environ["KEY"] = "canary-key"
    headers = {name: "Bearer canary-key" if name == "authorization" else "canary-key"}

    assert world.http(path="/x", token=None, headers=headers).code == "invalid_parameters"
    assert world.call.calls == []
