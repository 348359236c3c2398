"""`python -m local.watching` against a double of the log service: what it sets up, and that it may be repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.doctor import log_service
from local.simulator import Simulator
from local.watching import main
from shared.runtime.context import Credentials
from tests.builders import CREDENTIALS
from tests.sls_server import INDEX, KEYS, SlsServer

ROOT = Path(__file__).parents[3]
ACCOUNT = "1234567890123456"
PROJECT = log_service.project_of("cn-shanghai", ACCOUNT)
ALARMS = [path.stem for path in sorted(ROOT.glob("docs/watching/alarms/*.json"))]
PATHS = ["/dashboards/mute-call", *(f"/alerts/mute-call-{name}" for name in ALARMS)]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlsServer]:
    with Simulator() as simulator, SlsServer(PROJECT) as found:
        here = {**CREDENTIALS, "STS_ENDPOINT": simulator.url, "SLS_ENDPOINT": found.endpoint}
        for name, value in here.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.mark.parametrize(
    ("token", "method", "body", "signature"),
    [
        # Told by the vendor's own SDK (aliyun-log-python-sdk 0.9.52).
        ("", "GET", b"", "kztUHja5Y6O7NfFsVCEgUHfTcGo="),  # pragma: allowlist secret
        ("token", "PUT", b'{"keys": {}}', "ZaQkohWhIcWKJxnO1vivE7rOJA0="),  # pragma: allowlist secret
    ],
)
def test_a_request_is_signed_as_the_vendor_signs_it(token: str, method: str, body: bytes, signature: str) -> None:
    signer = Credentials("testid", "testsecret", token)
    date = "Thu, 26 Nov 2026 07:02:00 GMT"
    headers = log_service.signed_headers(method, "/logstores/default-logs/index", body, signer, date)
    assert headers["Authorization"] == f"LOG testid:{signature}"


def test_the_project_of_auto_is_the_one_that_the_tool_names() -> None:
    # Told by the tool's own library (uuid-by-string 4.0.0).
    assert PROJECT == "serverless-cn-shanghai-deed2a88-e73d-5caa-b0a9-e6e296f62be2"
    assert len(log_service.project_of("cn-shanghai-finance-1", ACCOUNT)) == 63


def test_everything_is_set_up_and_setting_it_up_again_changes_nothing(
    service: SlsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--action-policy", "on-call", "--no-traffic", "mute-call"]) == 0
    first = (service.index, dict(service.resources))
    assert service.resources.keys() == {*PATHS, "/alerts/mute-call-no-traffic"}
    assert "SLS_" not in json.dumps(service.resources)
    assert PROJECT in json.dumps(service.resources["/dashboards/mute-call"])
    policies = [
        each["configuration"]["policyConfiguration"] for name, each in service.resources.items() if "alerts" in name
    ]
    assert {policy["actionPolicyId"] for policy in policies} == {"on-call"}
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "index      message, max_text_len set, for the lines written from now on"
    assert {line.rpartition(" ")[2] for line in told[2:]} == {"created"}

    service.requests.clear()
    assert main(["--action-policy", "on-call", "--no-traffic", "mute-call"]) == 0
    assert (service.index, service.resources) == first
    assert not [request for request in service.requests if request.startswith("POST") or "PUT /logstores" in request]
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "index      has what the queries need"
    assert {line.rpartition(" ")[2] for line in told[2:]} == {"updated"}


MESSAGE = {"type": "text", "doc_value": False, "alias": "m", "caseSensitive": True, "chn": True, "token": [" "]}
FUNCTION_NAME = {**MESSAGE, "doc_value": True, "token": ['"']}


@pytest.mark.parametrize(
    ("index", "lacking"),
    [
        (INDEX, ["message", "max_text_len"]),
        (None, ["functionName", "message", "max_text_len"]),
        ({"line": INDEX["line"]}, ["functionName", "message", "max_text_len"]),
        ({**INDEX, "max_text_len": 16_384}, ["message"]),
        ({**INDEX, "keys": {**KEYS, "message": MESSAGE}}, ["message", "max_text_len"]),
        ({**INDEX, "keys": {**KEYS, "message": {"type": "long"}}}, ["message", "max_text_len"]),
        ({**INDEX, "max_text_len": 16_384, "keys": {**KEYS, "message": {**MESSAGE, "doc_value": True}}}, ["message"]),
        ({"keys": {"functionName": FUNCTION_NAME, "message": "text"}}, ["message", "max_text_len"]),
    ],
)
def test_an_index_keeps_what_it_has_and_gets_what_it_lacks(
    service: SlsServer, index: dict[str, object] | None, lacking: list[str]
) -> None:
    service.index = index
    assert log_service.missing(index) == lacking
    assert main([]) == 0
    before = index or {}
    assert service.index.keys() - {"index_mode", "max_text_len", "keys"} == before.keys() & {"line", "ttl"}
    keys = before.get("keys", {})
    assert isinstance(keys, dict)
    for name, field in {**KEYS, **keys}.items():
        if name in keys and name != "message":
            assert service.index["keys"][name] == field
    message = service.index["keys"]["message"]
    assert (message["type"], message["doc_value"]) == ("text", True)
    if keys.get("message") == MESSAGE:
        assert message == {**MESSAGE, "doc_value": True, "token": [" ", '"']}
    assert service.index["max_text_len"] == 16_384
    assert log_service.missing(service.index) == []


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((401, "Unauthorized"), "GET /logstores/default-logs/index: Unauthorized, HTTP 401"),
        ((404, "ProjectNotExist"), "GET /logstores/default-logs/index: ProjectNotExist, HTTP 404"),
        ((500, "13800138000"), "GET /logstores/default-logs/index: no code, HTTP 500"),
    ],
)
def test_a_refusal_is_told_without_its_message(
    service: SlsServer, capsys: pytest.CaptureFixture[str], refusal: tuple[int, str], told: str
) -> None:
    service.refusal = refusal
    assert main([]) == 1
    assert capsys.readouterr().err == f"python -m local.watching: {told}\n"
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SLS_ENDPOINT", "http://127.0.0.1:1", "127.0.0.1 does not answer: ConnectionRefusedError"),
        ("SLS_ENDPOINT", "no host", "SLS_ENDPOINT is no host[:port]"),
        ("STS_ENDPOINT", "http://127.0.0.1:1", "STS does not return the account, which is part of the project's name"),
    ],
)
def test_who_does_not_answer_is_told(
    service: SlsServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert main([]) == 1
    assert capsys.readouterr().err == f"python -m local.watching: {told}\n"
    assert service.requests == []


def test_nobody_is_asked_with_credentials_that_are_garbled(
    service: SlsServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary\n")
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert capsys.readouterr().err.startswith("python -m local.watching: export ALIBABA_CLOUD_ACCESS_KEY_ID, ")
    assert service.requests == []


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("{project: our-project, logstore: our-logs}", 0),
        ("auto|logBeginRule=None", 1),
        ("{project: our-project}", 1),
        ("none", 1),
    ],
)
def test_the_logstore_is_the_one_in_s_yaml(service: SlsServer, tmp_path: Path, log: str, expected: int) -> None:
    service.project, service.logstore = "our-project", "our-logs"
    text = (ROOT / "s.yaml").read_text(encoding="utf-8")
    lines = [f"  log: {log}" if line.startswith("  log: ") else line for line in text.splitlines()]
    tmp_path.joinpath("s.yaml").write_text("\n".join(lines), encoding="utf-8")
    assert main([], root=tmp_path) == expected
    assert bool(service.resources) == (expected == 0)


@pytest.mark.parametrize("arguments", [["--action-policy", "a b"], ["--no-traffic", 'x", "y'], ["no"]])
def test_a_wrong_command_is_refused(service: SlsServer, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    assert exited.value.code == 2
    assert service.requests == []


def test_without_credentials_nobody_is_asked(service: SlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID")
    with pytest.raises(SystemExit) as exited:
        main([])
    assert exited.value.code == 2
    assert service.requests == []
