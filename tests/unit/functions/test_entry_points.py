from __future__ import annotations

import json
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from functions.mute_call import index as mute_call
from functions.unmute_call import index as unmute_call
from shared.action import Action
from shared.clients import transport
from shared.payload.parameters import CallParameters
from tests.builders import PAYLOAD, TOKEN, Context310, Context312, direct_event, environment, http_event

ANSWER = {"RequestId": "A275B008-A25B-494D-AB53-93CE253815B6", "Code": "OK", "Data": {}}


class Deployed(NamedTuple):
    """One function: its module, and its action and word."""

    module: ModuleType
    action: Action
    name: str
    status: str

    @property
    def token_variable(self) -> str:
        """The variable of the token that the shipped callers file refers to: each function has one of its own."""
        return f"{self.module.__name__.split('.')[1].upper()}_TOKEN"


FUNCTIONS = [
    Deployed(mute_call, mute_call.MUTE_CALL, "MuteCall", "muted"),
    Deployed(unmute_call, unmute_call.UNMUTE_CALL, "UnmuteCall", "unmuted"),
]


@pytest.fixture(params=FUNCTIONS, ids=lambda function: function.name)
def function(request: pytest.FixtureRequest) -> Deployed:
    found: Deployed = request.param
    return found


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set the environment, and answer every call of CCC; return where they went."""
    for name, value in (environment() | {function.token_variable: TOKEN for function in FUNCTIONS}).items():
        monkeypatch.setenv(name, value)
    sent: list[str] = []

    def send(
        _method: str, url: str, headers: Mapping[str, str], _body: bytes | None, **_timeouts: float
    ) -> transport.Answer:
        sent.append(f"{headers['x-acs-action']} {headers['x-acs-version']} {url}")
        transport.current().begin()  # as the connection does
        return transport.Answer(200, "OK", {"content-type": "application/json"}, json.dumps(ANSWER).encode())

    monkeypatch.setattr(transport, "send", send)
    return sent


def test_the_action_is_the_functions_own(function: Deployed) -> None:
    assert function.action == Action(function.name, "2020-07-01", CallParameters, function.status)


def test_a_webhook_reaches_ccc(function: Deployed, urls: list[str]) -> None:
    answer = function.module.handler(http_event(), Context312())

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["status"] == function.status
    (url,) = urls
    assert url.startswith(f"{function.name} 2020-07-01 https://ccc.cn-shanghai.aliyuncs.com/?")
    assert "JobId=job-65815360847228928" in url


def test_a_direct_invocation_reaches_ccc(function: Deployed, urls: list[str]) -> None:
    answer = function.module.handler(direct_event(), Context310())

    assert answer["status"] == function.status
    assert answer["muted"] == ""
    assert len(urls) == 1


def test_the_shipped_callers_may_touch_the_documented_instance_only(function: Deployed, urls: list[str]) -> None:
    payload = {**PAYLOAD, "InstanceId": "other"}

    assert json.loads(function.module.handler(http_event(payload), Context312())["body"])["code"] == "forbidden"
    assert function.module.handler(direct_event(payload), Context312())["code"] == "forbidden"
    assert not urls


@pytest.mark.parametrize("token", [None, "wrong", TOKEN[:-1]])
def test_the_shipped_default_caller_needs_its_token(function: Deployed, urls: list[str], token: str | None) -> None:
    assert function.module.handler(http_event(token=token), Context312())["statusCode"] == 401
    assert not urls


@pytest.mark.parametrize("other", FUNCTIONS, ids=lambda other: other.name)
def test_what_one_function_accepts_is_refused_at_the_others(
    function: Deployed, other: Deployed, urls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in FUNCTIONS:
        monkeypatch.setenv(each.token_variable, f"token-of-{each.name}")
    recorded = http_event(token=f"token-of-{function.name}")

    assert other.module.handler(recorded, Context312())["statusCode"] == (200 if other is function else 401)
    assert len(urls) == (other is function)


@pytest.mark.parametrize(
    "event", [b"", b"\xff", b"[]", None, 5, "\ud800", object()], ids=lambda event: type(event).__name__
)
@pytest.mark.parametrize("context", [None, object(), Context312()], ids=lambda context: type(context).__name__)
def test_the_handler_never_raises(function: Deployed, event: Any, context: Any) -> None:
    assert function.module.handler(event, context)["code"] == "malformed_request"


def test_initialize_tells_what_is_missing(function: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    function.module.initialize(Context312())

    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "initialize"
    assert f"callers.default.auth.secrets: {function.token_variable} is unset" in line["reason"]
    assert "no role credentials" in line["reason"]


@pytest.mark.usefixtures("urls")
def test_initialize_is_silent_where_all_is_well(function: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    function.module.initialize(Context312())

    assert capsys.readouterr().out == ""


def test_a_python310_context_is_enough_for_the_role(
    function: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(function.token_variable, TOKEN)

    function.module.initialize(Context310())

    assert capsys.readouterr().out == ""


def test_without_its_secret_only_the_webhook_stops(
    function: Deployed, monkeypatch: pytest.MonkeyPatch, urls: list[str]
) -> None:
    monkeypatch.delenv(function.token_variable)

    assert function.module.handler(http_event(), Context312())["statusCode"] == 500
    assert function.module.handler(direct_event(), Context312())["status"] == function.status
    assert len(urls) == 1
