from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.cli.shell_secrets import shell_getter
from local.explain import __main__ as command
from local.explain.masking import MASK, Mask, mask_for
from local.explain.report import KEY_NOTE, report, text
from local.explain.walk import Recorder, Walk, walk
from shared.callers.file import Callers
from shared.runtime.context import Credentials
from shared.runtime.event import Request
from tests.builders import PAYLOAD, direct_event, http_event

NOW = 1_693_896_071.895
TOKEN = "canary-token"
KEY = "canary-key"
PASSWORD = "canary-pass word%"
SIGNING = "Y2FuYXJ5IG9mIGF0IGxlYXN0IDI0IGJ5dGVz"
ENVIRON = {"TOKEN": TOKEN, "KEY": KEY, "PASSWORD": f"user:{PASSWORD}", "SIGNING": f"whsec_{SIGNING}"}
CALLERS = """
[callers.default]
auth = { scheme = "bearer", secrets = ["env:TOKEN"] }
instances = ["ccc-test"]
[callers.query]
auth = { scheme = "api-key", secrets = ["env:KEY"], key = "query.Pass" }
instances = ["ccc-test"]
methods = ["POST", "GET"]
networks = ["203.0.113.0/24"]
[callers.mapped]
auth = { scheme = "bearer", secrets = ["env:TOKEN"] }
instances = ["ccc-test"]
parameters = { job_id = "body.job", user_id = "body.agent", device_id = "headers.authorization" }
defaults = { instance_id = "ccc-test" }
[callers.picky]
auth = { scheme = "bearer", secrets = ["env:TOKEN"] }
instances = ["ccc-test"]
parameters = { job_id = "join('', body.job)" }
defaults = { instance_id = "ccc-test", device_id = "d", user_id = "a@b" }
[callers.own]
auth = { scheme = "hmac", secrets = ["env:SIGNING"], signature = "header.X-Seal", prefix = "v1=" }
instances = ["ccc-test"]
[callers.hook]
auth = { scheme = "standard-webhooks", secrets = ["env:SIGNING", "env:SIGNING_PREVIOUS?"] }
instances = ["ccc-test"]
[callers.name]
auth = { scheme = "basic", secrets = ["env:PASSWORD"] }
instances = ["ccc-test"]
[callers.unset]
auth = { scheme = "bearer", secrets = ["env:NOWHERE"] }
instances = ["ccc-test"]
[callers.slack]
auth = { scheme = "slack", secrets = ["env:TOKEN"] }
instances = ["ccc-test"]
[callers.ticket]
auth = { scheme = "bearer", secrets = ["env:TOKEN"] }
instances = ["ccc-test"]
idempotency_key = "query.ticket"
[callers.ivr]
auth = { scheme = "ram" }
instances = ["ccc-test"]
"""


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(CALLERS, encoding="utf-8")
    return path


def walked(event: bytes, callers: Path, environ: Mapping[str, str] = ENVIRON, **kwargs: Any) -> Walk:
    return walk(event, callers, environ, **{"function": "mute_call", "runtime": "python3.12", "now": NOW, **kwargs})


def explained(event: bytes, callers: Path, environ: Mapping[str, str] = ENVIRON, **kwargs: Any) -> dict[str, Any]:
    done = walked(event, callers, environ, **kwargs)
    return report(done, mask_for(done.request, done.callers, shell_getter(environ)))


def steps(facts: Mapping[str, Any]) -> list[str]:
    return [step["step"] for step in facts["steps"] if step["passed"]]


PIPELINE = ["body", "caller", "verify", "decode", "map", "parameters", "age", "key"]


def test_a_request_that_leads_to_a_call(callers: Path) -> None:
    facts = explained(http_event(token=TOKEN), callers)
    assert facts["event"]["kind"] == "HTTP trigger"
    assert facts["event"]["headers"] == {"content-type": "application/json", "authorization": MASK}
    assert steps(facts) == PIPELINE == [step["step"] for step in facts["steps"]]
    found = {step["step"]: step["found"] for step in facts["steps"]}
    assert found["caller"] == "default"
    assert found["verify"] == "bearer"
    assert found["decode"]["body"] == found["map"] == PAYLOAD
    assert found["parameters"]["job_id"] == PAYLOAD["JobId"]
    assert facts["call"] == {
        "action": "MuteCall",
        "version": "2020-07-01",
        "method": "POST",
        "endpoint": "https://ccc.cn-shanghai.aliyuncs.com/",
        "query": PAYLOAD,
    }
    assert facts["answer"]["status"] == 200
    assert facts["answer"]["body"]["status"] == "muted"
    (line,) = facts["log"]
    assert (line["code"], line["caller"], line["upstream_request_id"]) == ("muted", "default", None)
    (fault,) = facts["faults"]
    assert fault.startswith("callers.unset")
    assert fault.endswith(": NOWHERE is unset")
    assert len(facts["notes"]) == 2


def test_a_direct_invocation(callers: Path) -> None:
    facts = explained(direct_event(), callers)
    assert facts["event"] == {"kind": "direct invocation"}
    assert steps(facts) == PIPELINE
    assert facts["answer"]["status"] == "muted"
    assert facts["log"][0]["status"] is None


@pytest.mark.parametrize(
    ("event", "passed", "check", "code", "status"),
    [
        (b"{", 0, "event", "malformed_request", 400),
        (http_event(method="PUT"), 0, "method", "method_not_allowed", 405),
        (http_event(body="?", is_base64=True), 0, "body", "malformed_request", 400),
        (http_event(body="x" * 262_145), 0, "size", "payload_too_large", 413),
        (http_event(path="/nobody"), 1, "caller", "unauthorized", 401),
        (http_event(path="/unset"), 2, "secrets", "configuration_error", 500),
        (http_event(token="wrong"), 2, "verify", "unauthorized", 401),
        (http_event(method="GET", token=TOKEN), 3, "methods", "method_not_allowed", 405),
        (http_event(path="/query", query={"Pass": KEY}, source_ip="192.0.2.1"), 3, "networks", "forbidden", 403),
        (http_event(token=TOKEN, body="{"), 3, "decode", "malformed_request", 400),
        (http_event({"job": 1}, path="/picky", token=TOKEN), 4, "map", "invalid_parameters", 422),
        (http_event({**PAYLOAD, "JobId": ""}, token=TOKEN), 5, "parameters", "invalid_parameters", 422),
        (http_event({**PAYLOAD, "InstanceId": "other"}, token=TOKEN), 8, "instances", "forbidden", 403),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_names_its_check(
    callers: Path, event: bytes, passed: int, check: str, code: str, status: int
) -> None:
    facts = explained(event, callers)
    assert steps(facts) == PIPELINE[:passed]
    reason = facts["log"][0]["reason"]
    assert facts["steps"][-1] == {"step": check, "passed": False, "reason": reason, "code": code, "status": status}
    assert (facts["call"], facts["notes"]) == (None, [])
    shown = facts["answer"]
    assert code in (shown.get("code"), shown.get("body", {}).get("code"))
    assert f"FAILED      {check}: {reason} ({code}, {status})\n" in text(facts)


@pytest.mark.parametrize(
    ("headers", "source"), [({}, "none"), ({"Idempotency-Key": "canary4711"}, "delivery")], ids=["no key", "a key"]
)
def test_a_key_is_told_by_where_it_comes_from(callers: Path, headers: dict[str, str], source: str) -> None:
    facts = explained(http_event(token=TOKEN, headers=headers), callers)
    found = {step["step"]: step["found"] for step in facts["steps"]}
    assert (found["age"], found["key"]) == ("any", source)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (http_event(token=TOKEN, path="/ticket", query={"ticket": "7"}), True),
        (http_event(token=TOKEN, path="/ticket"), True),
        (http_event(token=TOKEN, headers={"Idempotency-Key": "7"}), False),
    ],
)
def test_what_an_own_key_means_is_said_once(callers: Path, event: bytes, *, told: bool) -> None:
    facts = explained(event, callers)
    assert facts["notes"].count(KEY_NOTE) == told
    assert text(facts).endswith(f"note        {KEY_NOTE}\n") is told


def test_a_broken_configuration_is_listed_whole(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    path.write_text("[callers.crm]\nauth = { scheme = 'new' }\n", encoding="utf-8")
    environ = {"DEADLINE_MS": "soon", "CCC_PROTOCOL": "ftp"}
    event = http_event(headers={"X-Mine": "canary"}, query={"mine": "canary"})
    facts = explained(event, path, environ)
    assert facts["steps"][-1]["step"] == "configuration"
    assert [fault.partition(":")[0] for fault in facts["faults"]] == [
        "CCC_PROTOCOL",
        "DEADLINE_MS",
        "callers file",
        "callers file",
    ]
    # Nobody knows which of them is a credential.
    assert facts["event"]["headers"]["x-mine"] == facts["event"]["query"]["mine"] == MASK
    assert facts["answer"]["status"] == 500


def test_what_is_answered_without_a_call_says_so(callers: Path) -> None:
    facts = explained(http_event(method="GET", path="/healthz"), callers)
    assert (facts["steps"], facts["call"], facts["log"]) == ([], None, [])
    assert facts["answer"]["body"]["status"] == "ok"
    assert "log         nothing\n" in text(facts)
    assert "would send  nothing\n" in text(facts)
    # Its document stands beside the function's own callers file, and not beside another.
    facts = explained(http_event(method="GET", path="/openapi.json"), callers)
    assert (facts["steps"], facts["log"], facts["answer"]["status"]) == ([], [], 200)


def test_the_settings_of_the_environment_count(callers: Path) -> None:
    environ = {**ENVIRON, "FC_REGION": "cn-hangzhou", "CALLERS_FILE": "elsewhere", "LOG_LEVEL": "ERROR"}
    # Where the function keeps its idempotency keys is left alone.
    environ["IDEMPOTENCY_URL"] = "redis://127.0.0.1:1"
    facts = explained(http_event(token=TOKEN, headers={"Idempotency-Key": "key"}), callers, environ)
    assert facts["call"]["endpoint"] == "https://ccc.cn-hangzhou.aliyuncs.com/"
    assert facts["log"] == []


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_the_credentials_of_the_shell_are_not_used(
    callers: Path, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []

    class Noting(Recorder):
        def __call__(self, action: Any, parameters: Any, credentials: Credentials, *rest: Any) -> dict[str, Any]:
            used.append((credentials.access_key_id, credentials.access_key_secret, credentials.security_token))
            return super().__call__(action, parameters, credentials, *rest)

    monkeypatch.setattr("local.explain.walk.Recorder", Noting)
    shell = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "real", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "real"}
    walked(http_event(token=TOKEN), callers, ENVIRON | shell, runtime=runtime)
    assert used == [("STS.made-up", "made-up", "made-up")]


BASIC = base64.b64encode(f"user:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize(
    "event",
    [
        http_event({**PAYLOAD, "JobId": f"job {TOKEN}"}, token=TOKEN),
        http_event(token=None, headers={"Authorization": f"basic {BASIC}"}, path="/name"),
        http_event(token=None, headers={"X-Api-Key": KEY, "Cookie": f"sid={TOKEN}; b=2"}),
        http_event(path="/query", query={"Pass": KEY, "sig": "canary-sig"}),
        http_event(path="/query", query={"Pass": "canary-other"}),
        http_event(path=f"/{TOKEN}/query", query={"Pass": "canary%2Dkey"}),
        http_event(path="/own", headers={"X-Seal": "v1=canary-seal"}, body='{"a": "canary-seal"}'),
        http_event(path="/hook", headers={"Webhook-Signature": "v1,canary-a v1,canary-b", "Webhook-Id": SIGNING}),
        http_event({"job": "canary-token", "agent": "a@b"}, path="/mapped", token=TOKEN),
        http_event({"token": "canary-t", "x": [{"api_key": "canary-k"}], TOKEN: [TOKEN]}, token=TOKEN),
        http_event({"X-Signature": "canary"}, query={"access_key": "canary", "password": "canary"}, token=TOKEN),
        direct_event({**PAYLOAD, "JobId": f"whsec_{SIGNING} {SIGNING}", "UserId": f"{TOKEN}@b"}),
        direct_event({"token": "canary", "secret": {"of": "canary"}}),
        http_event(
            {"sessionId": "canary", "otp": "canary", "private-key": ["canary"], "pwd": "canary", "jwt": "canary"},
            headers={"X-Session": "canary", "X-Functions-Key": "canary", "X-Hmac": "canary", "X-Fc-Odd": "canary"},
            query={"subscription-key": "canary", "x-acs-odd": "canary"},
        ),
    ],
    ids=range(14),
)
def test_no_secret_is_shown(callers: Path, event: bytes) -> None:
    facts = explained(event, callers)
    for shown in (text(facts), json.dumps(facts), json.dumps(facts, ensure_ascii=False)):
        assert "canary" not in shown
        assert SIGNING not in shown
        assert BASIC not in shown
        assert PASSWORD not in shown


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        ({"Authorization": f"Bearer {TOKEN}-and-more"}, f"{TOKEN}-and-more"),
        ({"Authorization": "Basic dXNlcjpjYW5hcnktd3Jvbmc="}, "user:canary-wrong"),
        ({}, BASIC),
        ({"Stripe-Signature": "t=1,v1=seal-of-a-request"}, "seal-of-a-request"),
        ({"Cookie": "sid=sealed%2Dsession"}, "sealed-session"),
        ({"Cookie": "sid=sealed session"}, "sid%3Dsealed%20session"),
    ],
    ids=range(6),
)
def test_a_credential_is_known_again_wherever_it_stands(callers: Path, given: Mapping[str, str], echoed: str) -> None:
    event = http_event(token=None, headers={**given, "X-Note": f"<{echoed}>"}, path=f"/{echoed}/default")
    shown = explained(event, callers)["event"]
    assert (shown["headers"]["x-note"], shown["path"]) == (f"<{MASK}>", f"/{MASK}/default")


@pytest.mark.parametrize(
    "spelled",
    [
        base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("="),
        TOKEN.encode().hex(),
        json.dumps({"a": TOKEN}).replace("-", "\\u002d"),
        "canary%252Dtoken",
        base64.b64decode(SIGNING).hex(),
    ],
)
def test_a_secret_is_known_again_however_it_is_spelled(callers: Path, spelled: str) -> None:
    event = http_event({"note": spelled, **PAYLOAD}, token=TOKEN, headers={"X-Note": f"<{spelled}>"})
    facts = explained(event, callers)
    for shown in (facts["event"]["headers"]["x-note"], facts["steps"][3]["found"]["body"]["note"]):
        assert MASK in shown
        assert spelled not in shown


def test_what_is_no_secret_is_shown() -> None:
    mask = mask_for(
        Request(headers={"authorization": "Bearer x"}),
        Callers.model_validate(
            {"callers": {"a": {"auth": {"scheme": "bearer", "secrets": ["env:A"]}, "instances": ["*"]}}}
        ),
        shell_getter({}),
    )
    shown = {
        "author": "Bearer x y",
        "idempotency-key": "k",
        "phone": "13900000001",
        "n": [1, None, True],
        "token": "",
        "tokens": None,
    }
    assert mask(shown) == {**shown, "author": f"{MASK} y"}


def shape(value: Any) -> Any:
    """Return the keys of a report, down to where a request or a configuration has chosen them."""
    if isinstance(value, dict):
        return {name: None if name in ("query", "headers", "found") else shape(item) for name, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


@pytest.mark.parametrize(
    "word",
    ["h", "kind", "step", "query", "body", "HTTP trigger", "bearer", "muted", "webhook", "JobId", "https"],
)
@pytest.mark.parametrize("token", [TOKEN, "wrong"])
def test_a_secret_that_reads_like_the_report_leaves_its_own_words(callers: Path, word: str, token: str) -> None:
    event = http_event(token=token, headers={"X-Token": word, "X-Note": word})
    environ = {**ENVIRON, "PASSWORD": f"user:{word}"}
    expected = explained(http_event(token=token, headers={"X-Token": "canary-x", "X-Note": "-"}), callers)
    facts = explained(event, callers, environ)
    assert shape(facts) == shape(expected)
    assert facts["event"]["kind"] == "HTTP trigger"
    assert facts["event"]["headers"]["x-token"] == facts["event"]["headers"]["x-note"] == MASK
    own = ("step", "passed", "reason", "code", "status")
    for step, other in zip(facts["steps"], expected["steps"], strict=True):
        names = (*own, "found") if step["step"] in ("body", "verify") else own
        assert {name: step.get(name) for name in names} == {name: other.get(name) for name in names}
    assert facts["faults"] == expected["faults"]
    assert facts["log"][0].keys() == expected["log"][0].keys()
    assert (facts["log"][0]["event"], facts["log"][0]["reason"]) == ("webhook", expected["log"][0]["reason"])
    assert text(facts).startswith("event       HTTP trigger\n")


@pytest.mark.parametrize("name", ["kind", "headers", "query", "body", "JobId"])
def test_a_credential_that_is_called_like_a_part_of_the_report_leaves_that(tmp_path: Path, name: str) -> None:
    path = tmp_path / "callers.toml"
    path.write_text(CALLERS.replace('"query.Pass"', f'"query.{name}"'), encoding="utf-8")
    facts = explained(http_event(path="/query", query={name: KEY, "q": "1"}), path)
    assert facts["event"]["kind"] == "HTTP trigger"
    assert facts["event"]["query"] == {name: MASK, "q": "1"}
    assert set(facts["steps"][3]["found"]) == {"body", "query", "headers", "path"}
    assert facts["steps"][3]["found"]["headers"]["content-type"] == "application/json"


def test_a_short_secret_is_hidden_where_it_is_the_whole_of_a_text() -> None:
    mask = Mask((), ["abc", "%a", "four"])
    assert mask({"a": "abc", "abc": ["%a", "%25a"]}) == {"a": MASK, MASK: [MASK, MASK]}
    assert mask(["abcd", "an abc", "100%a", "petit-fours"]) == ["abcd", "an abc", "100%a", f"petit-{MASK}s"]


def test_a_text_of_the_sender_cannot_break_a_line(callers: Path) -> None:
    odd = "\x1b[2J\x9b2J\x7f\u202e\u200b\U000e0001"
    event = http_event({"a\nb": "c\nFAILED", "中": "静音"}, token=TOKEN, query={odd: odd})
    shown = text(explained(event, callers))
    assert [letter for letter in shown if letter != "\n" and not letter.isprintable()] == []
    assert r"\u009b2J\u007f\u202e\u200b\udb40\udc01" in shown
    assert '"静音"' in shown
    assert '\n              "a\\nb": "c\\nFAILED"\n' in shown


@pytest.mark.parametrize(("event", "code"), [(http_event(token=TOKEN), 0), (http_event(token="x"), 1), (b"{", 1)])
def test_the_command_prints_a_report(
    callers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    event: bytes,
    code: int,
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    path = tmp_path / "event.json"
    path.write_bytes(event)
    assert command.main([str(path), "--callers", str(callers)]) == code
    assert capsys.readouterr().out.startswith("event       ")
    assert command.main([str(path), "--callers", str(callers), "--json"]) == code
    assert bool(json.loads(capsys.readouterr().out)["call"]) is (code == 0)


def test_a_sample_is_judged_by_its_own_time(
    callers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNING", SIGNING)
    headers = {"Webhook-Id": "1", "Webhook-Timestamp": "1693896071", "Webhook-Signature": "v1,x"}
    event = http_event(path="/hook", headers=headers).decode()
    reasons = []
    for more in ([], ["--as-received"]):
        assert command.main([event, "--callers", str(callers), "--json", *more]) == 1
        reasons.append(json.loads(capsys.readouterr().out)["steps"][-1]["reason"])
    assert re.fullmatch(r"timestamp is [0-9]+ s behind this clock; tolerance 300 s", reasons[0])
    assert reasons[1] == "signature does not match"


@pytest.mark.parametrize(("arguments", "action"), [([], "MuteCall"), (["--function", "unmute_call"], "UnmuteCall")])
def test_the_function_asked_for_is_the_one_explained(
    callers: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    action: str,
) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    assert command.main([http_event(token=TOKEN).decode(), "--callers", str(callers), "--json", *arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["call"]["action"], told["log"][0]["action"]) == (action, action)


def received(epoch: str) -> str:
    """Return an event with this JSON as the time at which it was received."""
    return http_event(token=TOKEN).decode().replace('"1693896071895"', epoch)


@pytest.mark.parametrize("epoch", ["0", '"0"', "1693896071895", '"1693896071895"', "253402300799999"])
def test_the_time_of_an_event_may_be_any_date(callers: Path, capsys: pytest.CaptureFixture[str], epoch: str) -> None:
    command.main([received(epoch), "--callers", str(callers), "--as-received", "--json"])
    assert json.loads(capsys.readouterr().out)["steps"][0]["step"] == "body"


@pytest.mark.parametrize(
    "epoch",
    [
        *("1e999", "NaN", "1693896071895.0", "true", "null", "[]", "-1", "253402300800000", '"253402300800000"'),
        *("99999999999999999999", '"99999999999999999999"', '"1_693_896_071_895"', '"\\u0661\\u0662"', '""'),
    ],
)
def test_a_time_that_is_no_date_is_told(capsys: pytest.CaptureFixture[str], epoch: str) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main([received(epoch), "--as-received"])
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("python -m local.explain: the event does not say when it was received: ")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: EVENT"),
        (["no/such.json"], "cannot read no/such.json: No such file or directory"),
        (["{}", "--as-received"], "the event does not say when it was received: requestContext.timeEpoch"),
        (["{}", "--context-runtime", "python2"], "argument --context-runtime: invalid choice: 'python2'"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"python -m local.explain: {complaint}")
    assert printed.count("\n") == 1
