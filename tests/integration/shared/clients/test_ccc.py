"""The call over the wire: the real SDK against the simulator, a row per kind of answer."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from functions.mute_call.index import MUTE_CALL
from local.simulator import Simulator
from shared.clients import ccc, idle
from shared.problems import (
    ChannelNotFound,
    InstanceNotFound,
    InvalidState,
    JobNotFound,
    Problem,
    UpstreamDenied,
    UpstreamInvalidResponse,
    UpstreamProblem,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
    UserNotFound,
)
from shared.runtime.context import Credentials
from shared.settings import Settings, read_settings
from tests.builders import CHANNEL, PAYLOAD

CREDENTIALS = Credentials("STS.local", "local-secret", "local-token")
PHONE = "13188888888"
JSON = "application/json;charset=utf-8"


def settings(endpoint: str, **changes: int) -> Settings:
    variables = {"CCC_ENDPOINT": f"http://{endpoint}"} | {k.upper(): str(v) for k, v in changes.items()}
    return read_settings(variables, region="cn-shanghai")


def call(
    endpoint: str, *, parameters: dict[str, str] | None = None, credentials: Credentials = CREDENTIALS, **changes: int
) -> dict[str, Any]:
    used = settings(endpoint, **changes)
    deadline = time.monotonic() + used.deadline_ms / 1000
    return ccc.call(MUTE_CALL, {**PAYLOAD, **(parameters or {})}, credentials, used, deadline)


def failure(endpoint: str, **arguments: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        call(endpoint, **arguments)
    return caught.value


def raw(status: int, body: str | bytes, content_type: str = JSON, **headers: str) -> dict[str, Any]:
    fault: dict[str, Any] = {"kind": "raw", "http_status": status, "content_type": content_type, "headers": headers}
    if isinstance(body, bytes):
        return fault | {"body_base64": base64.b64encode(body).decode()}
    return fault | {"body": body}


def error(status: int, code: str, **headers: str) -> dict[str, Any]:
    return {"kind": "error", "http_status": status, "code": code, "headers": headers, "message": f"about {PHONE}"}


def test_the_call_is_muted_with_the_parameters_in_the_query_and_signature_v3(simulator: Simulator) -> None:
    answer = call(simulator.endpoint, parameters={"ChannelId": CHANNEL})
    assert answer["Code"] == "OK"
    (request,) = simulator.requests
    assert request["method"] == "POST"
    assert request["action"] == "MuteCall"
    assert request["parameters"] == {**PAYLOAD, "ChannelId": CHANNEL}
    assert request["headers"]["x-acs-version"] == "2020-07-01"
    assert "mute-call/" in request["headers"]["user-agent"]
    assert "MUTED" in json.dumps(simulator.snapshot()["calls"])


REFUSED: list[tuple[str, dict[str, str], type[UpstreamProblem], str]] = [
    ("job", {"JobId": "job-0"}, JobNotFound, "NotExists.JobId"),
    ("instance", {"InstanceId": "other"}, InstanceNotFound, "NotExists.InstanceId"),
    ("channel", {"ChannelId": "ch:none"}, ChannelNotFound, "NotExists.ChannelId"),
    ("user", {"UserId": "nobody@ccc-test"}, UserNotFound, "NotExists.UserId"),
]


@pytest.mark.parametrize("business_errors", ["http-status", "http-200"])
@pytest.mark.parametrize(("parameters", "kind", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_business_error_has_its_code_with_any_http_status(
    simulator: Simulator, business_errors: str, parameters: dict[str, str], kind: type[Problem], code: str
) -> None:
    simulator.reset(business_errors=business_errors)
    problem = failure(simulator.endpoint, parameters=parameters)
    assert type(problem) is kind
    assert problem.upstream is not None
    assert problem.upstream.code == code
    assert re.fullmatch(r"[0-9A-F-]{36}", problem.upstream.request_id or "")


def test_muting_twice_may_be_an_invalid_state(simulator: Simulator) -> None:
    simulator.reset(repeated_mute="error")
    call(simulator.endpoint)
    assert isinstance(failure(simulator.endpoint), InvalidState)


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (Credentials("STS.other", "local-secret", "local-token"), "InvalidAccessKeyId.NotFound"),
        (Credentials("STS.local", "other", "local-token"), "SignatureDoesNotMatch"),
        (Credentials("STS.local", "local-secret", "other"), "InvalidSecurityToken.MismatchWithAccessKey"),
    ],
)
def test_refused_credentials_are_denied(simulator: Simulator, credentials: Credentials, code: str) -> None:
    problem = failure(simulator.endpoint, credentials=credentials)
    assert isinstance(problem, UpstreamDenied)
    assert problem.upstream is not None
    assert problem.upstream.code == code


OK_BODY = json.dumps({"Code": "OK", "RequestId": "A275B008-A25B-494D-AB53-93CE253815B6"})
XML = "<Error><RequestId>A275B008-A25B-494D-AB53-93CE253815B6</RequestId><Code>{}</Code><Message>m</Message></Error>"

# What the wire may do to an answer, and what that stands for; tests/unit has what the codes and statuses stand for.
ANSWERS: list[tuple[str, dict[str, Any], type[Problem]]] = [
    ("200 with another code", raw(200, '{"Code":"Parameter.Blank"}'), UpstreamRejected),
    ("200 invalid JSON", raw(200, "{"), UpstreamInvalidResponse),
    ("200 BOM", raw(200, "\ufeff" + OK_BODY), UpstreamInvalidResponse),
    ("200 nested too deep", raw(200, "[" * 100_000), UpstreamInvalidResponse),
    ("204", raw(204, ""), UpstreamInvalidResponse),
    ("304", raw(304, ""), UpstreamInvalidResponse),
    ("302", {"kind": "redirect", "location": "http://127.0.0.1:9/"}, UpstreamInvalidResponse),
    ("307", {"kind": "redirect", "location": "/", "http_status": 307}, UpstreamInvalidResponse),
    ("400 unknown code", error(400, "Parameter.Format"), UpstreamRejected),
    ("4xx XML", raw(404, XML.format("NotExists.JobId"), "text/xml;charset=utf-8"), JobNotFound),
    ("4xx HTML", raw(404, f"<html>{PHONE}</html>", "text/html"), UpstreamInvalidResponse),
    ("4xx empty", raw(400, ""), UpstreamInvalidResponse),
    ("4xx bad UTF-8", raw(400, b"\xff\xfe"), UpstreamInvalidResponse),
    ("503", error(503, "ServiceUnavailable"), UpstreamUnavailable),
    ("dropped before the answer", {"kind": "drop"}, UpstreamTimeout),
    ("dropped after the mute", {"kind": "drop", "when": "after"}, UpstreamTimeout),
    ("truncated", {"kind": "truncate"}, UpstreamTimeout),
    ("broken gzip", {"kind": "gzip", "broken": True}, UpstreamInvalidResponse),
    ("oversized", raw(200, "x" * 1_048_577), UpstreamInvalidResponse),
]


@pytest.mark.parametrize(("fault", "kind"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_every_answer_stands_for_one_problem_and_is_asked_for_once(
    simulator: Simulator, fault: dict[str, Any], kind: type[Problem], capfd: pytest.CaptureFixture[str]
) -> None:
    simulator.faults.add(fault)
    problem = failure(simulator.endpoint)
    assert type(problem) is kind
    assert len(simulator.requests) == 1
    assert PHONE not in f"{problem.reason}{problem.upstream}{problem.detail}"
    assert capfd.readouterr() == ("", "")
    # Whatever happened to its connection, the next call works.
    assert call(simulator.endpoint)["Code"] == "OK"


def test_a_compressed_answer_is_read(simulator: Simulator) -> None:
    simulator.faults.add({"kind": "gzip"})
    assert call(simulator.endpoint)["Code"] == "OK"


def test_a_decompression_bomb_is_not_unpacked(simulator: Simulator) -> None:
    simulator.faults.add(raw(200, gzip.compress(b"0" * 50_000_000), **{"Content-Encoding": "gzip"}))
    assert isinstance(failure(simulator.endpoint), UpstreamInvalidResponse)


def test_a_read_timeout_leaves_the_outcome_unknown(simulator: Simulator) -> None:
    simulator.faults.add({"kind": "delay", "ms": 5000})
    began = time.monotonic()
    assert isinstance(failure(simulator.endpoint, ccc_read_timeout_ms=200), UpstreamTimeout)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("fault", [{"kind": "drip", "ms": 50}, {"kind": "delay", "ms": 5000}])
def test_nothing_stretches_the_deadline(simulator: Simulator, fault: dict[str, Any]) -> None:
    simulator.faults.add(fault)
    began = time.monotonic()
    assert isinstance(failure(simulator.endpoint, deadline_ms=500), UpstreamTimeout)
    assert 0.49 < time.monotonic() - began < 4
    assert call(simulator.endpoint)["Code"] == "OK"


def test_a_call_over_an_open_connection_needs_no_thread(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    call(simulator.endpoint)
    started: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread.name))
    assert call(simulator.endpoint)["Code"] == "OK"
    assert started == []


def test_a_refused_connection_was_not_sent() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        problem = failure(f"127.0.0.1:{unused.getsockname()[1]}")
    assert isinstance(problem, UpstreamUnavailable)
    assert problem.headers == {"Retry-After": "2"}


def test_a_name_that_does_not_resolve_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    problem = failure("127.0.0.1:9")
    assert isinstance(problem, UpstreamUnavailable)


@contextmanager
def full_backlog() -> Iterator[str]:
    """A listener whose queue is full: to connect takes forever."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for client in waiting:
                client.close()


@pytest.mark.parametrize("limits", [{"ccc_connect_timeout_ms": 200}, {"deadline_ms": 500}])
def test_a_connect_timeout_was_not_sent(limits: dict[str, int]) -> None:
    with full_backlog() as endpoint:
        began = time.monotonic()
        assert isinstance(failure(endpoint, **limits), UpstreamUnavailable)
        assert time.monotonic() - began < 4


@pytest.mark.parametrize("limits", [{"ccc_connect_timeout_ms": 200}, {"deadline_ms": 500}])
def test_a_name_server_that_does_not_answer_cannot_hold_the_call(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    resolve, answered = socket.getaddrinfo, threading.Event()
    waiting: list[threading.Thread] = []

    def slow(*arguments: Any, **keywords: Any) -> Any:
        waiting.append(threading.current_thread())
        answered.wait(20)
        return resolve(*arguments, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    began = time.monotonic()
    problem = failure(simulator.endpoint, **limits)
    assert time.monotonic() - began < 4
    assert isinstance(problem, UpstreamUnavailable)
    answered.set()
    (thread,) = waiting
    thread.join(20)
    # Its caller was told that nothing was sent: so it is, though the name was resolved at last.
    assert simulator.requests == []


def test_a_proxy_of_the_shell_is_not_used(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert call(simulator.endpoint)["Code"] == "OK"


def test_nothing_of_the_sdk_reaches_a_log_even_if_it_is_asked_to(
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")
    caplog.set_level(logging.DEBUG)
    call(simulator.endpoint, parameters={"ChannelId": CHANNEL})
    simulator.faults.add(raw(200, OK_BODY, **{"X-Odd": "x"}))
    call(simulator.endpoint)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[int]]]:
    """A server that is none: a connection per answer, sent whatever comes; lists the connections in order."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(10)
        served: list[int] = []
        kept: list[socket.socket] = []

        def serve() -> None:
            for number, answer in enumerate(answers):
                peer, _ = listener.accept()
                kept.append(peer)
                peer.recv(65_536)
                served.append(number)
                peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", served
        finally:
            thread.join(10)
            for peer in kept:
                peer.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    ],
    ids=["no HTTP", "too many headers", "two lengths"],
)
def test_an_answer_that_is_no_http_is_unreadable(garbage: bytes) -> None:
    with answering(garbage) as (endpoint, _):
        assert isinstance(failure(endpoint), UpstreamInvalidResponse)


INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"


@pytest.mark.parametrize("head", [INTERIM, b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\n\r\n"])
def test_an_answer_that_comes_late_is_not_taken_for_that_to_the_next_request(head: bytes) -> None:
    late = f"HTTP/1.1 200 OK\r\nContent-Length: {len(OK_BODY)}\r\n\r\n{OK_BODY}".encode()
    with answering(head + late, late) as (endpoint, served):
        assert isinstance(failure(endpoint), UpstreamInvalidResponse)
        assert call(endpoint)["Code"] == "OK"
        # Over a connection of its own.
        assert served == [0, 1]


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(OK_BODY)}\r\n\r\n{OK_BODY}".encode()
    # The server keeps the first connection open and reads nothing more from it, as one that died in a frozen instance.
    with answering(answer, answer) as (endpoint, served):
        call(endpoint)
        monkeypatch.setattr(idle, "MAX_IDLE_S", 0.0)
        assert call(endpoint)["Code"] == "OK"
        assert served == [0, 1]


def test_a_connection_that_was_just_used_is_used_again(simulator: Simulator) -> None:
    opened: list[object] = []
    resolve = socket.getaddrinfo

    def counted(*arguments: Any, **keywords: Any) -> Any:
        opened.append(arguments)
        return resolve(*arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", counted)
        for _ in range(5):
            call(simulator.endpoint)
    assert len(opened) == 1


def test_calls_at_once_do_not_mix(simulator: Simulator) -> None:
    found: dict[int, str] = {}

    def work(number: int) -> None:
        parameters = {} if number % 2 else {"JobId": f"job-{number}"}
        try:
            found[number] = str(call(simulator.endpoint, parameters=parameters)["Code"])
        except JobNotFound as problem:
            found[number] = problem.code

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {number: "OK" if number % 2 else "job_not_found" for number in range(40)}
