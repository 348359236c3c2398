"""The HTTP trigger over real HTTP: event in, response out, limits, methods, asynchronous and direct invocation."""

import json
import re
import sys
import threading
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from local.gateway import FunctionError, Gateway
from tests.integration.local.gateway import sample_functions
from tests.integration.wire import Reply, connect, read, send, send_raw

SAMPLES = "tests.integration.local.gateway.sample_functions"
TOLD = f"{SAMPLES}:run_as_told"
UNHANDLED = "UnhandledInvocationError"


def tell(what: str, **settings: Any) -> Reply:
    with Gateway(TOLD, **settings) as gateway:
        return send(gateway.url, what)


def test_a_request_becomes_the_documented_event() -> None:
    with Gateway(f"{SAMPLES}:echo", region="cn-beijing", account_id="123") as gateway:
        connection = connect(gateway.url)
        connection.putrequest("POST", "/mute%20call?a=1&b=x&b=%20y", skip_accept_encoding=True)
        for name, value in (
            ("content-type", "application/json"),
            ("X-HubSpot-Signature-v3", "s"),
            ("x-multi", "value1"),
            ("X-Multi", "value2"),
            ("user-agent", "test/1"),
            ("x-fc-access-key-id", "mine"),
            ("connection", "keep-alive"),
            ("content-length", "2"),
        ):
            connection.putheader(name, value)
        connection.endheaders(b"{}")
        reply = read(connection)
        connection.close()
    event = reply.json
    context = event["requestContext"]
    assert event == {
        "version": "v1",
        "rawPath": "/mute%20call",
        "body": "{}",
        "isBase64Encoded": False,
        "headers": {
            "Host": gateway.url.removeprefix("http://"),
            "Content-Type": "application/json",
            "X-Hubspot-Signature-V3": "s",
            "X-Multi": "value1,value2",
            "User-Agent": "test/1",
            "Content-Length": "2",
        },
        "queryParameters": {"a": "1", "b": "x, y"},
        "requestContext": {
            "accountId": "123",
            "domainName": "local.cn-beijing.fcapp.run",
            "domainPrefix": "local",
            "requestId": reply.headers["X-Fc-Request-Id"],
            "time": context["time"],
            "timeEpoch": context["timeEpoch"],
            "http": {
                "method": "POST",
                "path": "/mute call",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test/1",
            },
        },
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", context["time"])
    assert re.fullmatch(r"\d{13}", context["timeEpoch"])


def test_the_answer_has_the_function_s_headers_and_the_platform_s() -> None:
    reply = tell("reserved")
    assert (reply.status, reply.json) == (200, "ok")
    assert sorted(reply.headers) == ["Content-Length", "Date", "Retry-After", "X-Fc-Request-Id"]
    assert reply.headers["X-Fc-Request-Id"].startswith("1-")
    assert reply.headers["Date"].endswith("GMT")


@pytest.mark.parametrize(("told", "body"), [("str", b"plain"), ("bytes", b"\xff"), ("number", b"7")])
def test_a_result_that_is_no_envelope_is_the_body_of_a_200(told: str, body: bytes) -> None:
    reply = tell(told)
    assert (reply.status, reply.body) == (200, body)


def test_a_bad_response_is_502() -> None:
    reply = tell("bad status")
    assert (reply.status, reply.json["Code"], reply.headers["X-Fc-Error-Type"]) == (502, "BadResponse", UNHANDLED)
    assert reply.json["RequestId"] == reply.headers["X-Fc-Request-Id"]


def test_an_uncaught_exception_is_502_with_the_stack() -> None:
    reply = tell("raise")
    assert (reply.status, reply.headers["X-Fc-Error-Type"]) == (502, UNHANDLED)
    assert (reply.json["errorMessage"], reply.json["errorType"]) == ("something is wrong", "ValueError")
    assert [frame[2:] for frame in reply.json["stackTrace"]] == [
        ["in run_as_told", 'raise ValueError("something is wrong")'],
    ]


def test_a_result_that_json_cannot_hold_is_a_failure_of_the_function() -> None:
    reply = tell("bytes in an envelope")
    assert (reply.status, reply.headers["X-Fc-Error-Type"], reply.json["errorType"]) == (502, UNHANDLED, "TypeError")


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "BREW", "post"])
def test_a_method_the_trigger_lacks_never_reaches_the_code(method: str) -> None:
    with Gateway(f"{SAMPLES}:count") as gateway:
        reply = send(gateway.url, method=method)
    assert (reply.status, reply.headers["X-Fc-Error-Type"]) == (403, "FcCommonError")
    assert sample_functions.calls == []


def test_the_connection_is_kept_alive_after_answers_of_every_kind() -> None:
    with Gateway(TOLD) as gateway:
        connection = connect(gateway.url)
        statuses = []
        for method, path, told in [
            ("POST", "/", "str"),
            ("PUT", "/", "str"),
            ("POST", "/%ff", "str"),
            ("POST", "/", "raise"),
        ]:
            connection.request(method, path, told)
            statuses.append(read(connection).status)
            assert connection.sock
        connection.close()
    assert statuses == [200, 403, 400, 502]


@pytest.mark.parametrize(
    ("path", "headers", "body", "named"),
    [
        ("/", {"X-Big": "x" * 8200}, b"", "headers exceed 8192 bytes"),
        ("/", {"X-Fc-Invocation-Type": "Async"}, bytes(128 * 1024 + 1), "body exceed 131072 bytes"),
        ("/", {}, bytes(32 * 1024 * 1024 + 1), "the body is too large"),
    ],
)
def test_a_request_beyond_a_limit_never_reaches_the_code(
    path: str, headers: dict[str, str], body: bytes, named: str
) -> None:
    with Gateway(f"{SAMPLES}:count") as gateway:
        reply = send(gateway.url, body, path=path, headers=headers)
    assert (reply.status, reply.json["Code"], reply.json["Message"]) == (400, "InvalidArgument", named)
    assert sample_functions.calls == []


@pytest.mark.parametrize("wire", [b"nonsense\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"GET * HTTP/1.1\r\n\r\n"])
def test_a_request_that_cannot_be_read_is_an_invalid_argument(wire: bytes) -> None:
    with Gateway(f"{SAMPLES}:count") as gateway:
        head, _, body = send_raw(gateway.url, wire).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nX-Fc-Request-Id: 1-" in head
    assert json.loads(body)["Code"] == "InvalidArgument"
    assert sample_functions.calls == []


def test_an_asynchronous_invocation_is_accepted_before_it_runs() -> None:
    with Gateway(f"{SAMPLES}:wait") as gateway:
        reply = send(gateway.url, headers={"X-Fc-Invocation-Type": "Async"})
        assert not sample_functions.finished.is_set()
        sample_functions.release.set()
        assert sample_functions.finished.wait(10)
        assert send(gateway.url).body == b"done"
    assert (reply.status, reply.body) == (202, b"")
    assert reply.headers["X-Fc-Request-Id"].startswith("1-")
    # The same instance runs both.
    assert sample_functions.calls == ["function-instance", "function-instance"]


def test_a_failed_asynchronous_invocation_is_reported_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(write=errors.put, flush=lambda: None))
    with Gateway(TOLD) as gateway:
        asynchronous = send(gateway.url, "raise", headers={"X-Fc-Invocation-Type": "Async"})
        told = errors.get(timeout=10)
    request_id = asynchronous.headers["X-Fc-Request-Id"]
    assert told == f"asynchronous invocation {request_id} failed: UnhandledInvocationError: something is wrong\n"


def test_asynchronous_invocations_not_begun_are_dropped_on_close(capsys: pytest.CaptureFixture[str]) -> None:
    with Gateway(f"{SAMPLES}:wait") as gateway:
        for _ in range(3):
            assert send(gateway.url, headers={"X-Fc-Invocation-Type": "Async"}).status == 202
        assert sample_functions.started.wait(10)
        # Ends the one that runs while the gateway closes and waits for it.
        timer = threading.Timer(0.05, sample_functions.release.set)
        timer.start()
    timer.join()
    assert sample_functions.finished.is_set()
    assert sample_functions.calls == ["function-instance"]
    assert capsys.readouterr().err == ""


def test_a_direct_invocation_hands_over_the_bytes() -> None:
    payload = b'{"phone": "13800000000", "\xff": 1}'
    with Gateway(f"{SAMPLES}:raw", name="mute call") as gateway:
        assert gateway.invoke(payload) == payload
    with Gateway(f"{SAMPLES}:raw", name="mute-call") as gateway:
        reply = send(gateway.url, payload, path="/2023-03-30/functions/mute-call/invocations?qualifier=LATEST")
    assert (reply.status, reply.body) == (200, payload)


def test_a_direct_invocation_returns_an_object_as_json_without_http() -> None:
    told = json.dumps({"body": "no content"}).encode()
    with Gateway(TOLD) as gateway:
        assert json.loads(gateway.invoke(told)) == {"statusCode": 204}


def test_a_direct_invocation_that_fails_is_200_with_the_error_type() -> None:
    told = json.dumps({"body": "raise"}).encode()
    with Gateway(TOLD, methods=("GET",)) as gateway:
        reply = send(gateway.url, told, path="/2023-03-30/functions/gateway/invocations")
        with pytest.raises(FunctionError, match="something is wrong") as raised:
            gateway.invoke(told)
    assert (reply.status, reply.headers["X-Fc-Error-Type"]) == (200, UNHANDLED)
    assert reply.json == raised.value.report
    assert reply.json["errorType"] == "ValueError"


def test_a_direct_invocation_can_be_asynchronous() -> None:
    with Gateway(f"{SAMPLES}:wait") as gateway:
        path = "/2023-03-30/functions/gateway/invocations"
        reply = send(gateway.url, path=path, headers={"X-Fc-Invocation-Type": "Async"})
        sample_functions.release.set()
        assert sample_functions.finished.wait(10)
    assert (reply.status, reply.body) == (202, b"")


def test_a_get_of_the_invocation_path_is_an_http_request_like_any_other() -> None:
    with Gateway(f"{SAMPLES}:echo") as gateway:
        reply = send(gateway.url, method="GET", path="/2023-03-30/functions/gateway/invocations")
    assert reply.json["rawPath"] == "/2023-03-30/functions/gateway/invocations"


def test_a_direct_invocation_of_another_function_is_not_found() -> None:
    with Gateway(f"{SAMPLES}:count") as gateway:
        reply = send(gateway.url, path="/2023-03-30/functions/other/invocations")
    assert (reply.status, reply.json["Code"]) == (404, "FunctionNotFound")
    assert sample_functions.calls == []
