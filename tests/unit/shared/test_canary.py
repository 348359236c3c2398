"""Nothing private comes out: planted everywhere a value can stand, it is in no answer and on no log line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.clients import ccc, transport
from shared.function import Function
from tests.builders import PAYLOAD, Context310, Context312, RoleCredentials, direct_event, http_event
from tests.unit.shared.fakes import BEARER, CALLERS, MUTE_CALL, NOW, World, sample

PHONES = ("13188888888", "13900000001", "80011474", "+8613700000002")
TOKEN = "canary-token-of-a-caller"
STS = RoleCredentials("STS.canary-id", "canary-secret", "canary-security-token")
ENVIRONMENT = {
    "MUTE_CALL_TOKEN": TOKEN,
    "ALIBABA_CLOUD_ACCESS_KEY_ID": STS.access_key_id,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": STS.access_key_secret,
    "ALIBABA_CLOUD_SECURITY_TOKEN": STS.security_token,
}
CANARIES = (*PHONES, "canary", "ch:user")
PRIVATE = " ".join(["canary", TOKEN, STS.access_key_secret, STS.security_token, *PHONES])
CHANNEL = f"ch:user:{PHONES[0]}->{PHONES[2]}:1609253204816:canary"
# What a success echoes is what the contract says it does; the rest of the payload is private.
SUCCESS = {**PAYLOAD, "DeviceId": f"device {PRIVATE}", "ChannelId": CHANNEL}
HEADERS = {
    "X-Canary": PRIVATE,
    f"X-{PHONES[0]}": PRIVATE,
    "Cookie": PRIVATE,
    "User-Agent": PRIVATE,
    "X-Forwarded-For": PHONES[0],
}
QUERY = {"canary": PRIVATE, PHONES[0]: PRIVATE, "JobId": PRIVATE}
MESSAGE = {
    "Message": f"server CanonicalRequest is [{PRIVATE}]",
    "Params": [PRIVATE, PHONES[0]],
    "Data": {"UserContext": {"Mobile": PHONES[1], "Extension": PHONES[2]}, "Secret": PRIVATE},
    "AccessDeniedDetail": {"AuthPrincipalDisplayName": PRIVATE, "EncodedDiagnosticMessage": PRIVATE},
    "HostId": PRIVATE,
    "Recommend": PRIVATE,
    PRIVATE: PRIVATE,
}


def check(answer: Mapping[str, Any], printed: tuple[str, str]) -> None:
    """Assert that neither the answer nor anything printed holds a canary, written plainly or escaped."""
    out, err = printed
    texts = [json.dumps(answer, ensure_ascii=False), json.dumps(answer), out, err]
    assert not [(canary, text) for canary in CANARIES for text in texts if canary in text]


@pytest.fixture
def planted(world: World) -> World:
    world.write_callers(CALLERS + f"[callers.filled]{BEARER}defaults = {{ device_id = '{PRIVATE}' }}\n")
    world.environ.update(ENVIRONMENT)
    return world


def event(payload: object = SUCCESS, **kwargs: Any) -> bytes:
    kwargs = {"token": TOKEN, "headers": HEADERS, "query": QUERY, "path": "/canary/default", **kwargs}
    return http_event(payload, **kwargs)


REQUESTS = {
    "success": event(),
    "success in strings": event(path=f"/{PHONES[0]}/flow"),
    "defaults": event({key: value for key, value in PAYLOAD.items() if key != "DeviceId"}, path="/filled"),
    "direct": direct_event(SUCCESS),
    "no event": PRIVATE.encode(),
    "no object": json.dumps([PRIVATE]).encode(),
    "method": event(method=PRIVATE),
    "caller's method": event(method="GET"),
    "base64": event(body=PRIVATE, is_base64=True),
    "size": event(body=PRIVATE * 1000),
    "unknown caller": event(path=f"/{PRIVATE}"),
    "no token": event(token=None),
    "wrong token": event(token=PRIVATE),
    "wrong scheme": event(token=None, headers={"Authorization": f"Basic {PRIVATE}"}),
    "direct caller over http": event(path="/ivr"),
    "network": event(path="/office", source_ip=PHONES[0]),
    "content type": event(headers={"Content-Type": PRIVATE}),
    "charset": event(headers={"Content-Type": f"application/json; charset={PRIVATE}"}),
    "content encoding": event(headers={"Content-Encoding": PRIVATE}),
    "syntax": event(body=f'{{"{PRIVATE}": "{PRIVATE}"'),
    "repeated key": event(body=f'{{"{PHONES[0]}": 1, "{PHONES[0]}": "{PRIVATE}"}}'),
    "number": event(body=f'{{"JobId": {PHONES[0]}e999}}'),
    "huge integer": event(body=f'{{"JobId": {PHONES[0] * 5}}}'),
    "form": event(body=f"JobId={PRIVATE}%zz", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    "unknown keys": event({PRIVATE: PRIVATE, PHONES[0]: PHONES[0]}),
    "values": event({**SUCCESS, "UserId": PRIVATE, "JobId": [PRIVATE], "InstanceId": {PRIVATE: PRIVATE}}),
    "long values": event({**SUCCESS, "JobId": PRIVATE * 10}),
    "values that do not print": event({**SUCCESS, "JobId": f"{PRIVATE}\x00"}),
    "query": event(body="", query={PRIVATE: PRIVATE, "JobId": PRIVATE}),
    "instance": event({**SUCCESS, "InstanceId": PHONES[0]}),
    "direct unknown keys": direct_event({"phone": PHONES[0], PRIVATE: PRIVATE}),
    "direct instance": direct_event({**SUCCESS, "InstanceId": PHONES[0]}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_nothing_private_of_a_request_comes_out(planted: World, capsys: pytest.CaptureFixture[str], name: str) -> None:
    for context in (Context312(), Context310(credentials=STS)):
        check(planted.function.handle(REQUESTS[name], context), capsys.readouterr())
    assert bool(planted.call.calls) is (name in ("success", "success in strings", "defaults", "direct"))


FAILING = {name: REQUESTS[name] for name in ("success", "success in strings", "direct")}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(PRIVATE),
        ValueError(PRIVATE, PHONES),
        KeyError(PHONES[0]),
        OSError(5, PRIVATE, PRIVATE),
        UnicodeDecodeError("utf-8", PRIVATE.encode(), 0, 1, PRIVATE),
        Exception(PRIVATE),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("name", FAILING)
def test_nothing_of_a_defects_text_comes_out(
    planted: World, capsys: pytest.CaptureFixture[str], name: str, error: Exception
) -> None:
    planted.call.outcome = error

    check(planted.function.handle(FAILING[name], Context312()), capsys.readouterr())


Send = Callable[..., transport.Answer]


def answering(status: int, body: object, content_type: str = "application/json;charset=utf-8") -> Send:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def send(*_args: object, **_kwargs: object) -> transport.Answer:
        transport.current().begin()  # as the connection does
        headers = {"content-type": content_type, "location": f"https://evil.example/{PHONES[0]}"}
        return transport.Answer(status, PRIVATE, headers, content)

    return send


def failing(error: Exception) -> Send:
    def send(*_args: object, **_kwargs: object) -> transport.Answer:
        raise error

    return send


def planted_success() -> dict[str, Any]:
    answer = sample("typed") | MESSAGE | {"Data": sample("typed")["Data"]}
    call, user = answer["Data"]["CallContext"], answer["Data"]["UserContext"]
    call.update(CallType=PHONES[0], InstanceId=PRIVATE, JobId=PRIVATE)
    user.update(UserState=PRIVATE, BreakCode=PRIVATE)
    call["ChannelContexts"][1].update(ChannelId=CHANNEL, ChannelState=PHONES[3], ChannelFlags=[PRIVATE, PHONES[0]])
    return answer | {"RequestId": PHONES[0]}


CODES = ("NotExists.JobId", "InvalidOperation.UserState", "Throttling.User", "SignatureDoesNotMatch", "NoPermission")
UPSTREAM: dict[str, Send] = {
    "success": answering(200, planted_success()),
    **{f"{code} {status}": answering(status, MESSAGE | {"Code": code}) for code in CODES for status in (200, 403, 503)},
    "strange code": answering(400, MESSAGE | {"Code": PRIVATE, "RequestId": PRIVATE}),
    "no code": answering(400, MESSAGE),
    "200 without code": answering(200, MESSAGE),
    "html": answering(502, f"<html>{PRIVATE}</html>".encode(), "text/html"),
    "cut off": answering(200, f'{{"Code": "OK", "Message": "{PRIVATE}'.encode()),
    "no utf-8": answering(200, PRIVATE.encode() + b"\xff"),
    "list": answering(200, [PRIVATE]),
    "redirect": answering(307, {"Code": PRIVATE}),
    "lost": failing(transport.LostError("TimeoutError")),
    "not sent": failing(transport.NotSentError("ConnectionRefusedError")),
    "defect": failing(RuntimeError(PRIVATE)),
}


@pytest.mark.parametrize("answer", UPSTREAM)
@pytest.mark.parametrize("name", FAILING)
def test_nothing_private_of_ccc_s_answer_comes_out(
    planted: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str, answer: str
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")
    monkeypatch.setattr(transport, "send", UPSTREAM[answer])
    function = Function(MUTE_CALL, planted.callers_file, environ=planted.environ, now=lambda: NOW, call=ccc.call)

    result = function.handle(FAILING[name], Context312())

    check(result, capfd.readouterr())


@pytest.mark.parametrize(
    "text",
    [
        f'[callers.crm]\nauth = {{ scheme = "bearer", secrets = ["{TOKEN}"] }}\ninstances = ["{PHONES[0]}"]\n',
        f'[callers.crm]\nauth = "Bearer {TOKEN}"\n',
        f'[callers.crm]\n{BEARER}response = "{TOKEN}"\nnetworks = ["{TOKEN}"]\nmethods = ["{TOKEN}"]\n',
        f'[callers.crm]\n{BEARER}defaults = {{ user_id = "{PHONES[0]}" }}\n',
        f'[callers.crm]\ntoken = "{TOKEN}\n',
    ],
)
def test_a_secret_in_the_wrong_place_of_the_file_does_not_come_out(
    planted: World, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    planted.write_callers(text)

    planted.function.initialize(Context312())

    check(planted.function.handle(event(), Context312()), capsys.readouterr())


@pytest.mark.parametrize(
    "name", ["CCC_REGION", "CCC_ENDPOINT", "CCC_PROTOCOL", "CCC_READ_TIMEOUT_MS", "DEADLINE_MS", "LOG_LEVEL"]
)
def test_a_secret_in_the_wrong_variable_does_not_come_out(
    planted: World, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    planted.environ[name] = f"{TOKEN} {PHONES[0]}"

    planted.function.initialize(Context312())

    check(planted.function.handle(event(), Context312()), capsys.readouterr())


def test_a_secret_that_its_scheme_cannot_use_does_not_come_out(
    planted: World, capsys: pytest.CaptureFixture[str]
) -> None:
    planted.environ["MUTE_CALL_TOKEN"] = f"{TOKEN}\n"

    planted.function.initialize(Context312())

    check(planted.function.handle(event(), Context312()), capsys.readouterr())


def test_the_canaries_would_be_found(planted: World) -> None:
    answer = planted.function.handle(event({**SUCCESS, "JobId": PHONES[0]}), Context312())

    with pytest.raises(AssertionError):
        check(answer, ("", ""))
