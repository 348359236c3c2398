"""HTTP → gateway → handler → SDK → simulator, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.gateway import Credentials, Gateway
from local.gateway.settings import BUILT_IN
from local.simulator import Simulator
from tests.builders import MUTED
from tests.e2e.posting import post

EVENTS = Path(__file__).parent.parent.parent / "events"
Start = Callable[[str], Gateway]


def event(name: str) -> dict[str, Any]:
    content = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def flags(simulator: Simulator) -> set[str]:
    """Return the owners of the muted channels."""
    calls = simulator.snapshot()["calls"]
    channels = [channel for call in calls for channel in call["channels"]]
    return {channel["user_id"] for channel in channels if "MUTED" in channel["flags"]}


@pytest.mark.parametrize(
    ("runtime", "name"), [("python3.10", "http-base64"), ("python3.12", "http"), ("custom.debian11", "http-base64")]
)
def test_the_documented_webhook_mutes_the_call(simulator: Simulator, gateway: Start, runtime: str, name: str) -> None:
    answer = post(gateway(runtime).url, event(name))
    body = json.loads(answer.body)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert body.pop("request_id") != ""
    assert body == MUTED
    assert flags(simulator) == {"user-test@ccc-test"}


@pytest.mark.parametrize("runtime", BUILT_IN)
def test_a_direct_invocation_mutes_the_call(simulator: Simulator, gateway: Start, runtime: str) -> None:
    body = json.loads(gateway(runtime).invoke((EVENTS / "direct.json").read_bytes()))
    assert body.pop("request_id") != ""
    assert body == {**MUTED, "muted": "true", "replayed": "false"}
    assert flags(simulator) == {"user-test@ccc-test"}


def test_a_refused_webhook_changes_nothing(simulator: Simulator, gateway: Start) -> None:
    answer = post(gateway("python3.12").url, event("refused"))
    assert answer.status == 401
    assert json.loads(answer.body)["code"] == "unauthorized"
    assert simulator.requests == []


@pytest.mark.parametrize("runtime", ["python3.12", "custom.debian11"])
def test_each_invocation_uses_the_credentials_of_its_moment(simulator: Simulator, gateway: Start, runtime: str) -> None:
    running = gateway(runtime)
    running.credentials = Credentials("STS.before", "secret-before", "token-before")
    before = post(running.url, event("http"))
    running.credentials = Credentials("STS.local", "local-secret", "local-token")
    after = post(running.url, event("http"))
    assert [before.status, after.status] == [502, 200]
    used = [request["headers"]["x-acs-accesskey-id"] for request in simulator.requests]
    assert used == ["STS.before", "STS.local"]


def test_a_function_without_a_role_says_so(simulator: Simulator, gateway: Start) -> None:
    running = gateway("python3.12")
    running.credentials = None
    answer = post(running.url, event("http"))
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "configuration_error")
    assert simulator.requests == []


def test_the_gateway_builds_the_event_that_the_samples_show(gateway: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples and the gateway agree on the envelope, so that a test of one is a test of the other."""
    from functions.mute_call import index  # noqa: PLC0415 - its attribute is replaced

    received: list[dict[str, Any]] = []

    def keep(content: bytes, _context: object) -> dict[str, Any]:
        received.append(json.loads(content))
        return {"statusCode": 200, "headers": {}, "isBase64Encoded": False, "body": '{"status": "kept"}'}

    monkeypatch.setattr(index, "handler", keep)
    sample = event("http")
    post(gateway("python3.12").url, sample)
    (built,) = received
    assert shape(built) == shape(sample)
    assert built["body"] == sample["body"]
    assert built["headers"]["Authorization"] == sample["headers"]["Authorization"]


def shape(value: object) -> object:
    """Return names and types, without the headers, which depend on the client."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key != "headers"}
    return type(value).__name__


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/healthz", 200, {"status": "ok"}),
        ("GET", "/any/prefix/healthz", 200, {"status": "ok"}),
        ("GET", "/", 405, {"code": "method_not_allowed"}),
        ("POST", "/nobody", 401, {"code": "unauthorized"}),
        ("POST", "/ivr", 401, {"code": "unauthorized"}),
        ("POST", "/default", 200, {"status": "muted"}),
        ("POST", "/2016-08-15/proxy/default/", 200, {"status": "muted"}),
    ],
)
def test_routes(gateway: Start, method: str, path: str, status: int, body: dict[str, str]) -> None:
    request = event("http") | {"rawPath": path}
    request["requestContext"]["http"]["method"] = method
    answer = post(gateway("python3.12").url, request)
    assert answer.status == status
    assert body.items() <= json.loads(answer.body).items()


PHONES = ("13188888888", "80011474", "13900000001", "13912345678")
SECRETS = ("demo-token", "local-secret", "local-token", "not-the-token", "STS.local")


@pytest.mark.parametrize(
    "fault",
    [
        None,
        {"kind": "error", "http_status": 400, "code": "SignatureDoesNotMatch", "message": " ".join(PHONES + SECRETS)},
        {"kind": "error", "http_status": 500, "code": "InternalError", "message": " ".join(PHONES + SECRETS)},
        {"kind": "raw", "http_status": 502, "content_type": "text/html", "body": " ".join(PHONES + SECRETS)},
        {"kind": "raw", "http_status": 200, "body": json.dumps({"Code": "OK", "RequestId": PHONES[0], "Data": PHONES})},
        {"kind": "raw", "http_status": 400, "body": json.dumps({"Code": PHONES[0], "RequestId": PHONES[0]})},
        {"kind": "redirect", "location": "http://127.0.0.1:9/?token=local-token&phone=13188888888"},
        {"kind": "drop"},
    ],
    ids=lambda fault: "success" if fault is None else str(fault["kind"]),
)
@pytest.mark.parametrize("name", ["http-base64", "refused"])
def test_no_secret_and_no_phone_number_gets_out(
    simulator: Simulator,
    gateway: Start,
    capfd: pytest.CaptureFixture[str],
    fault: dict[str, Any] | None,
    name: str,
) -> None:
    if fault:
        simulator.faults.add(fault)
    request = event(name)
    request["rawPath"] = "/13912345678/default"
    request["queryParameters"] = {"13912345678": "13912345678"}
    request["headers"]["X-Phone"] = "13912345678"
    answer = post(gateway("python3.12").url, request)
    printed = capfd.readouterr()
    assert printed.out.count("\n") == 1
    for planted in PHONES + SECRETS:
        assert planted not in f"{answer.body}{printed.out}{printed.err}"


@pytest.mark.parametrize("value", ["13912345678", {"13912345678": "demo-token"}, ["13912345678"], None])
@pytest.mark.parametrize("key", ["DeviceId", "JobId", "13912345678"])
def test_nothing_of_a_wrong_payload_gets_out(
    gateway: Start, capfd: pytest.CaptureFixture[str], key: str, value: object
) -> None:
    request = event("http")
    request["body"] = json.dumps(json.loads(request["body"]) | {"UserId": "13912345678", key: value})
    answer = post(gateway("python3.12").url, request)
    assert answer.status == 422
    assert "13912345678" not in answer.body + "".join(capfd.readouterr())


def test_the_log_line_of_a_success_names_what_an_operator_needs(
    gateway: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = post(gateway("python3.12").url, event("http"))
    line = json.loads(capfd.readouterr().out)
    assert {"level": "INFO", "caller": "default", "code": "muted", "status": 200, "attempts": 1}.items() <= line.items()
    assert line["upstream_request_id"] == json.loads(answer.body)["request_id"]
    assert line["upstream_ms"] <= line["duration_ms"]
