"""`local.send` and `local.explain` against the running function: what they say is what happens."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.demo.stack import stack
from local.explain.__main__ import main as explain
from local.gateway import Gateway
from local.send.__main__ import main as send
from local.send.wire import NO_ANSWER, Outgoing, exchange
from local.simulator import Simulator
from shared.callers.schemes import SCHEMES
from shared.callers.schemes.vendors import VENDORS
from tests.builders import PAYLOAD, http_event
from tests.e2e.posting import post
from tests.peers import Behaviour, dripping, peer, read_request, silent

ROOT = Path(__file__).parent.parent.parent
EVENTS = ROOT / "events"
TIMEOUT_S = 60
CURL = shutil.which("curl")
# Made up, and planted: none of them may be shown.
SECRETS = {
    "CANARY_TOKEN": "canary-token",
    "CANARY_LOGIN": "canary:päss wörd:$x'",
    "CANARY_KEY": "canary-key&=%41?#",
    "CANARY_BASE64": "whsec_Y2FuYXJ5IG9mIGF0IGxlYXN0IDI0IGJ5dGVz",
    "CANARY_PREVIOUS": "",
}
PROXIES = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "https_proxy"), "http://127.0.0.1:9")
# A value that a shell, a URL and a form would each change, were it not quoted.
AWKWARD = 'it\'s "50 %" of $HOME & `id` + \\n 静音 #?=;'
AUTHS = {
    "bearer": '{ scheme = "bearer", secrets = ["env:CANARY_PREVIOUS?", "env:CANARY_TOKEN"] }',
    "basic": '{ scheme = "basic", secrets = ["env:CANARY_LOGIN"] }',
    "api-key": '{ scheme = "api-key", secrets = ["env:CANARY_KEY"] }',
    "api-key-query": '{ scheme = "api-key", secrets = ["env:CANARY_KEY"], key = "query.the key" }',
    "standard-webhooks": '{ scheme = "standard-webhooks", secrets = ["env:CANARY_BASE64"] }',
    "github": '{ scheme = "github", secrets = ["env:CANARY_KEY"] }',
    "stripe": '{ scheme = "stripe", secrets = ["env:CANARY_KEY"] }',
    "slack": '{ scheme = "slack", secrets = ["env:CANARY_KEY"] }',
    "hubspot": '{ scheme = "hubspot", secrets = ["env:CANARY_KEY"] }',
    "hubspot-public": '{ scheme = "hubspot", secrets = ["env:CANARY_KEY"], public_url = "https://public.example/x" }',
    "zendesk": '{ scheme = "zendesk", secrets = ["env:CANARY_KEY"] }',
    "twilio": '{ scheme = "twilio", secrets = ["env:CANARY_KEY"] }',
    "plivo": '{ scheme = "plivo", secrets = ["env:CANARY_KEY"] }',
    "hmac": (
        '{ scheme = "hmac", secrets = ["env:CANARY_BASE64"], signature = "header.X-Seal", algorithm = "sha512",'
        ' prefix = "v1=",'
        ' content = "{method}\\n{url}\\n{id}.{timestamp}.{body}", timestamp = "header.X-Time", timestamp_format = "ms",'
        ' id = "header.X-Id", encoding = "base64" }'
    ),
    "jwt": '{ scheme = "jwt", secrets = ["env:CANARY_BASE64"], body_hash = "payload_hash", token = "header.X-Token" }',
    "none": '{ scheme = "none", allow_anonymous = true }',
}
MAPPING = """
[callers.mapped]
auth = { scheme = "api-key", secrets = ["env:CANARY_KEY"], key = "query.key" }
instances = ["ccc-test"]
methods = ["POST", "GET"]
parameters = { job_id = "body.job || query.job", user_id = "'user-test@ccc-test'", device_id = "headers.host" }
defaults = { instance_id = "ccc-test" }
[callers.near]
auth = { scheme = "bearer", secrets = ["env:CANARY_TOKEN"] }
instances = ["ccc-test"]
networks = ["192.0.2.0/24"]
[callers.unset]
auth = { scheme = "bearer", secrets = ["env:NOWHERE"] }
instances = ["ccc-test"]
[callers.ivr]
auth = { scheme = "ram" }
instances = ["ccc-test"]
"""
Running = tuple[Gateway, Simulator]


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers.toml"
    tables = [f'[callers.{name}]\nauth = {auth}\ninstances = ["ccc-test"]\n' for name, auth in AUTHS.items()]
    path.write_text("".join(tables) + MAPPING, encoding="utf-8")
    return path


@pytest.fixture
def running(callers: Path) -> Iterator[Running]:
    with stack(variables={"CALLERS_FILE": str(callers), **SECRETS}) as started:
        yield started


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )


def shell(script: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        ["/bin/sh"],
        input=script.encode(),
        env=os.environ | environment,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def asked(simulator: Simulator) -> dict[str, str]:
    """Return the parameters of the last call of CCC."""
    parameters: dict[str, str] = simulator.requests[-1]["parameters"]
    return parameters


# Every scheme, and every kind of sample with a scheme of its own kind; HubSpot signs JSON alone, and Plivo forms.
SAMPLES = [
    *((name, "form" if name == "plivo" else "event") for name in AUTHS),
    *((name, sample) for name in ("bearer", "github", "twilio", "api-key-query") for sample in ("payload", "form")),
]


def test_a_form_is_none_of_hubspots(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    gateway, simulator = running
    with pytest.raises(SystemExit) as caught:
        send([json.dumps(dict(PAYLOAD)), "--form", "--caller", "hubspot", "--url", gateway.url])
    assert caught.value.code == 2
    assert "cannot be signed" in capsys.readouterr().err
    assert simulator.requests == []


def test_every_scheme_is_tried_here() -> None:
    assert SCHEMES.keys() - VENDORS.keys() - {"ram", "hash"} <= set(AUTHS)


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_whatever_the_scheme_the_call_is_muted(
    running: Running, capsys: pytest.CaptureFixture[str], name: str, sample: str
) -> None:
    gateway, simulator = running
    # Its own for each test: the same payload with the same signature would be a duplicate.
    device = AWKWARD + uuid4().hex
    payload = json.dumps({**PAYLOAD, "DeviceId": device}, ensure_ascii=False)
    content = http_event(body=payload, path="/a%20b/", query={"q": AWKWARD, "e": ""}).decode()
    arguments = [content if sample == "event" else payload, *(["--form"] if sample == "form" else [])]
    assert send([*arguments, "--caller", name, "--url", gateway.url]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-2] == "HTTP 200 application/json"
    assert json.loads(printed[-1])["status"] == "muted"
    assert asked(simulator)["DeviceId"] == device


@pytest.mark.skipif(CURL is None, reason="no curl here: apt install curl")
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_the_command_printed_does_the_same(
    running: Running, capsys: pytest.CaptureFixture[str], name: str, sample: str
) -> None:
    gateway, simulator = running
    device = AWKWARD + uuid4().hex
    payload = json.dumps({**PAYLOAD, "DeviceId": device}, ensure_ascii=False) + "\n"
    content = http_event(body=payload, path="/a%20b/", query={"q": AWKWARD, "e": ""}).decode()
    arguments = [content if sample == "event" else payload, *(["--form"] if sample == "form" else [])]
    assert send([*arguments, "--caller", name, "--url", gateway.url, "--print-curl"]) == 0
    assert simulator.requests == []
    assert shell(capsys.readouterr().out, **PROXIES)["status"] == "muted"
    assert asked(simulator)["DeviceId"] == device


@pytest.mark.skipif(CURL is None, reason="no curl here: apt install curl")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_a_body_is_sent_too(
    running: Running, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    gateway, simulator = running
    event = http_event(body="", method=method, query={"job": PAYLOAD["JobId"]}, token=None).decode()
    arguments = [event, "--caller", "mapped", "--url", gateway.url]
    assert send(arguments) == 0
    capsys.readouterr()
    assert send([*arguments, "--print-curl"]) == 0
    assert shell(capsys.readouterr().out)["status"] == "muted"
    # The host that was sent is the one that was asked for.
    assert [request["parameters"]["DeviceId"] for request in simulator.requests] == [gateway.url[7:]] * 2


@pytest.mark.skipif(CURL is None, reason="no curl here: apt install curl")
def test_a_body_in_bytes_arrives_as_it_is(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    gateway, _ = running
    event = http_event(body="AP/+", is_base64=True, headers={"Content-Type": "application/octet-stream"}).decode()
    assert send([event, "--caller", "github", "--url", gateway.url]) == 1
    # Its signature holds, so that it is judged by its type.
    assert "HTTP 415 application/problem+json" in capsys.readouterr().out
    assert send([event, "--caller", "github", "--url", gateway.url, "--print-curl"]) == 0
    assert shell(capsys.readouterr().out)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(("age", "code"), [("299", 0), ("-299", 0), ("400", 1), ("-400", 1)])
def test_a_stale_signature_can_be_tried(
    running: Running, capsys: pytest.CaptureFixture[str], age: str, code: int
) -> None:
    sample = str(EVENTS / "direct.json")
    assert send([sample, "--caller", "standard-webhooks", "--url", running[0].url, "--age", age]) == code
    assert ("HTTP 401 application/problem+json" in capsys.readouterr().out) is bool(code)


def test_the_sender_as_a_process_knows_nothing_of_proxies(running: Running) -> None:
    gateway, _ = running
    done = command("local.send", "events/http.json", "--caller", "stripe", "--url", gateway.url, **PROXIES, LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HTTP 200 application/json\n")
    assert done.stderr == ""


def test_a_caller_for_direct_invocation_is_told_how(running: Running) -> None:
    gateway, simulator = running
    done = command("local.send", "events/direct.json", "--caller", "ivr", "--url", gateway.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    words = shlex.split(done.stderr.partition("the gateway takes one: ")[2])
    if CURL:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)  # noqa: S603 - our own
        assert json.loads(done.stdout)["status"] == "muted"
        assert len(simulator.requests) == 1


def test_a_gateway_that_is_not_there_is_told(callers: Path) -> None:
    with stack(variables={}) as (gateway, _):
        closed = gateway.url
    done = command("local.send", "events/http.json", "--caller", "none", "--url", closed, CALLERS_FILE=str(callers))
    assert done.returncode == 1
    assert done.stderr == f"python -m local.send: no answer from {closed}: Connection refused\n"


def flooding(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


def stopping_short(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")


@pytest.mark.parametrize(
    ("behave", "patience"), [(dripping, 0.5), (silent, 0.5), (flooding, 600), (stopping_short, 600)]
)
def test_an_answer_that_does_not_come_to_its_end_is_none(behave: Behaviour, patience: float) -> None:
    with peer(behave) as endpoint:
        began = time.monotonic()
        with pytest.raises(NO_ANSWER):
            exchange(Outgoing(f"http://{endpoint}", "GET", "/", {"host": endpoint}, b""), patience)
        assert time.monotonic() - began < TIMEOUT_S


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return what `local.explain` tells, after checking that both of its forms hide what was planted."""
    explain([*arguments])
    shown = capsys.readouterr().out
    explain([*arguments, "--json"])
    facts: dict[str, Any] = json.loads(raw := capsys.readouterr().out)
    for secret in filter(None, (*SECRETS.values(), "canary")):
        assert secret not in shown + raw + json.dumps(facts, ensure_ascii=False)
    return facts


@pytest.mark.parametrize("name", ["standard-webhooks", "api-key-query", "ivr"])
def test_a_payload_is_explained_as_a_caller_would_send_it(
    running: Running, callers: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    del running
    facts = told(capsys, json.dumps(dict(PAYLOAD)), "--callers", str(callers), "--caller", name)
    assert PAYLOAD["JobId"] in json.dumps(facts["call"])
    assert facts["log"][0]["caller"] == name


TOKEN = SECRETS["CANARY_TOKEN"]
REFUSALS = {
    405: (http_event(method="GET", path="/bearer", body="", token=TOKEN), "methods", "method not allowed"),
    400: (http_event(body="{", path="/bearer", token=TOKEN), "decode", "the body is not valid JSON"),
    413: (http_event(body="x" * 262_145, path="/bearer", token=TOKEN), "size", "body has 262145 bytes"),
    500: (http_event(path="/unset", token=TOKEN), "secrets", "NOWHERE is unset"),
    401: (http_event(path="/bearer", token="canary-wrong"), "verify", "bearer token does not match"),
    403: (http_event(path="/near", token=TOKEN), "networks", "source address is not in the caller's networks"),
    415: (http_event(path="/bearer", headers={"Content-Type": "text/plain"}, token=TOKEN), "decode", "content-type"),
    422: (
        http_event({**PAYLOAD, "UserId": 1}, path="/bearer", token=TOKEN),
        "parameters",
        "UserId must have the form",
    ),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_explained_as_it_happens(
    running: Running, callers: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    event, check, reason = REFUSALS[status]
    answer = post(running[0].url, json.loads(event))
    logged = json.loads(capsys.readouterr().out.splitlines()[-1])
    facts = told(capsys, event.decode(), "--callers", str(callers))
    failed = facts["steps"][-1]
    assert (failed["step"], failed["status"], failed["passed"]) == (check, status, False)
    assert reason in failed["reason"]
    assert (answer.status, json.loads(answer.body)["code"]) == (status, failed["code"])
    assert answer.status == facts["answer"]["status"]
    varying = ("timestamp", "request_id", "duration_ms", "cold_start")
    (line,) = facts["log"]
    assert {k: v for k, v in line.items() if k not in varying} == {k: v for k, v in logged.items() if k not in varying}


@pytest.mark.parametrize("name", sorted(str(path.relative_to(EVENTS)) for path in EVENTS.rglob("*.json")))
def test_every_sample_is_explained(
    monkeypatch: pytest.MonkeyPatch, callers: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for variable, secret in SECRETS.items():
        monkeypatch.setenv(variable, secret)
    facts = told(capsys, str(EVENTS / name), "--callers", str(callers))
    assert facts["event"]["kind"] in ("HTTP trigger", "direct invocation")
    assert facts["steps"][0] == {"step": "body", "passed": True, "found": facts["steps"][0]["found"]}
    assert "demo-token" not in json.dumps(facts)


@pytest.mark.parametrize(("name", "code", "last"), [("http", 0, "key"), ("refused", 1, "verify")])
def test_the_explainer_as_a_process(name: str, code: int, last: str) -> None:
    done = command("local.explain", f"events/{name}.json", "--json", MUTE_CALL_TOKEN="demo-token", LC_ALL="C")
    assert (done.returncode, done.stderr) == (code, "")
    facts = json.loads(done.stdout)
    assert facts["steps"][-1]["step"] == last
    assert bool(facts["call"]) is (code == 0)
    assert "demo-token" not in done.stdout
    assert "not-the-token" not in done.stdout
