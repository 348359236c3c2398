from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from functions.mute_call import index
from shared import transport
from shared.parameters import CallParameters
from tests.builders import PAYLOAD, TOKEN, Context310, Context312, direct_event, environment, http_event

ANSWER = {"RequestId": "A275B008-A25B-494D-AB53-93CE253815B6", "Code": "OK", "Data": {}}


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set the environment, and answer every call of CCC; return where they went."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    sent: list[str] = []

    def send(
        _method: str, url: str, headers: Mapping[str, str], _body: bytes | None, **_timeouts: float
    ) -> transport.Answer:
        sent.append(f"{headers['x-acs-action']} {headers['x-acs-version']} {url}")
        transport._current.get().begin()  # noqa: SLF001 - as the connection does
        return transport.Answer(200, "OK", {"content-type": "application/json"}, json.dumps(ANSWER).encode())

    monkeypatch.setattr(transport, "send", send)
    return sent


def test_the_action_is_mute_call() -> None:
    assert index.MUTE_CALL.name == "MuteCall"
    assert index.MUTE_CALL.version == "2020-07-01"
    assert index.MUTE_CALL.parameters is CallParameters
    assert index.MUTE_CALL.status == "muted"


def test_a_webhook_reaches_ccc(urls: list[str]) -> None:
    answer = index.handler(http_event(), Context312())

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["status"] == "muted"
    (url,) = urls
    assert url.startswith("MuteCall 2020-07-01 https://ccc.cn-shanghai.aliyuncs.com/?")
    assert "JobId=job-65815360847228928" in url


def test_a_direct_invocation_reaches_ccc(urls: list[str]) -> None:
    answer = index.handler(direct_event(), Context310())

    assert answer["status"] == "muted"
    assert answer["muted"] == ""
    assert len(urls) == 1


def test_the_shipped_callers_may_touch_the_documented_instance_only(urls: list[str]) -> None:
    payload = {**PAYLOAD, "InstanceId": "other"}

    assert json.loads(index.handler(http_event(payload), Context312())["body"])["code"] == "forbidden"
    assert index.handler(direct_event(payload), Context312())["code"] == "forbidden"
    assert not urls


@pytest.mark.parametrize("token", [None, "wrong", TOKEN[:-1]])
def test_the_shipped_default_caller_needs_its_token(urls: list[str], token: str | None) -> None:
    assert index.handler(http_event(token=token), Context312())["statusCode"] == 401
    assert not urls


@pytest.mark.parametrize(
    "event", [b"", b"\xff", b"[]", None, 5, "\ud800", object()], ids=lambda event: type(event).__name__
)
@pytest.mark.parametrize("context", [None, object(), Context312()], ids=lambda context: type(context).__name__)
def test_the_handler_never_raises(event: Any, context: Any) -> None:
    assert index.handler(event, context)["code"] == "malformed_request"


def test_initialize_tells_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    index.initialize(Context312())

    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "initialize"
    assert "callers.default.auth.secrets: MUTE_CALL_TOKEN is unset" in line["reason"]
    assert "no role credentials" in line["reason"]


@pytest.mark.usefixtures("urls")
def test_initialize_is_silent_where_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    index.initialize(Context312())

    assert capsys.readouterr().out == ""


def test_a_python310_context_is_enough_for_the_role(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUTE_CALL_TOKEN", TOKEN)

    index.initialize(Context310())

    assert capsys.readouterr().out == ""


def test_without_its_secret_only_the_webhook_stops(monkeypatch: pytest.MonkeyPatch, urls: list[str]) -> None:
    monkeypatch.delenv("MUTE_CALL_TOKEN")

    assert index.handler(http_event(), Context312())["statusCode"] == 500
    assert index.handler(direct_event(), Context312())["status"] == "muted"
    assert len(urls) == 1
