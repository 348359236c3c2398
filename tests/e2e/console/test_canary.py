"""Nothing private is in any byte that the console returns, wherever it was planted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from local.simulator.state import Agent, Call, Channel
from tests.builders import CHANNEL, PAYLOAD
from tests.e2e.console.client import Running, running
from tests.e2e.test_tools import AUTHS, SECRETS

PHONE = "13811112222"
# Not of the form of an id, which the log line has.
PRIVATE = f"canary.{PHONE}"
# The seed of the simulator has numbers, too.
CANARIES = (
    "canary",
    PHONE,
    "13188888888",
    "13900000001",
    "80011474",
    "ch:user",
    "ch:customer",
    *filter(None, SECRETS.values()),
)
TOKEN = SECRETS["CANARY_TOKEN"]
HEADERS = {
    "X_Call": PRIVATE,
    "User_Agent": PRIVATE,
    "Cookie": PRIVATE,
    "X_13811112222": PRIVATE,
    "X_Forwarded_For": PHONE,
}
FILE = """
[callers.default]
auth = { scheme = "bearer", secrets = ["env:CANARY_TOKEN"] }
instances = ["ccc-test"]
methods = ["POST", "GET"]
[callers.mapped]
auth = { scheme = "bearer", secrets = ["env:CANARY_TOKEN"] }
instances = ["ccc-test"]
parameters = { job_id = "body.job", user_id = "headers.\\"x-call\\"", device_id = "query.d" }
defaults = { instance_id = "ccc-test" }
idempotency_key = "body.key"
[callers.unset]
auth = { scheme = "bearer", secrets = ["env:CANARY_PREVIOUS"] }
instances = ["ccc-test"]
[callers.ivr]
auth = { scheme = "ram" }
instances = ["*"]
"""
INVOCATION = "/2023-03-30/functions/mute_call/invocations"
JSON = "application/json"
PLANTED = {**PAYLOAD, "DeviceId": PRIVATE}


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Running]:
    path = tmp_path / "callers.toml"
    tables = [f'[callers.{name}]\nauth = {auth}\ninstances = ["ccc-test"]\n' for name, auth in AUTHS.items()]
    path.write_text("".join(tables) + FILE, encoding="utf-8")
    with running(path, **SECRETS) as started:
        yield started


def scan(console: Running) -> None:
    """Assert that nothing that the page can read holds a canary, written plainly or escaped."""
    replies = [console.ask("GET", f"/_console/{name}") for name in ("state", "callers")]
    replies += [console.ask("GET", f"/_console/deliveries/{row['number']}") for row in console.rows]
    for reply in replies:
        assert reply.status == 200
        check(reply.body)


def check(body: bytes) -> None:
    for text in (body.decode(), json.dumps(json.loads(body), ensure_ascii=False)):
        assert [canary for canary in CANARIES if canary in text] == []


def test_nothing_of_a_request_is_shown(console: Running) -> None:
    bearer = f"Bearer {TOKEN}"

    def post(body: str | bytes | dict[str, object], path: str = "/", kind: str = JSON, token: str = bearer) -> None:
        console.ask("POST", path, body, **HEADERS, Content_Type=kind, Authorization=token)

    post(PLANTED)
    post({**PLANTED, "ChannelId": CHANNEL})
    post({**PLANTED, "JobId": PRIVATE})
    post({**PLANTED, "UserId": PRIVATE})
    post({**PLANTED, "UserId": f"{PRIVATE}@ccc-test"})
    post({**PLANTED, "InstanceId": PHONE})
    post({PRIVATE: PRIVATE, PHONE: PHONE})
    post({"job": PRIVATE, "key": PRIVATE}, "/mapped?d=" + PRIVATE)
    post({"job": PRIVATE}, "/mapped?d=" + PRIVATE)
    post("{" + PRIVATE)
    post(f'{{"{PHONE}": 1, "{PHONE}": 2}}')
    post(PRIVATE * 5000)
    post(PRIVATE, kind=PRIVATE)
    post(f"JobId={PRIVATE}%zz", kind="application/x-www-form-urlencoded")
    post(f"JobId={PRIVATE}", kind="application/x-www-form-urlencoded")
    post(b"\xff" + PRIVATE.encode())
    post(PLANTED, token=f"Bearer {PRIVATE}")
    post(PLANTED, token=f"Basic {PRIVATE}")
    post(PLANTED, f"/{PRIVATE}")
    post(PLANTED, f"/{PHONE}/default?{PRIVATE}={PRIVATE}")
    post(PLANTED, f"/{quote(PRIVATE)}%zz")
    post(PLANTED, "/unset")
    post(PLANTED, "/ivr")
    for name in AUTHS:
        post(PLANTED, f"/{name}", token=f"Basic {PRIVATE}")
    for method in ("GET", "PUT", "HEAD", "OPTIONS", f"CANARY{PHONE}", "canary"):
        console.ask(method, f"/?JobId={PRIVATE}&{PHONE}={PRIVATE}", **HEADERS, Authorization=bearer)
    console.ask("GET", "/healthz", **HEADERS)
    console.ask("GET", "/openapi.json", **HEADERS)
    console.ask("POST", "/", "", X_Long=PRIVATE * 1000)
    post(PLANTED, INVOCATION)
    post({**PLANTED, "JobId": PRIVATE}, INVOCATION)
    post({PRIVATE: PRIVATE}, INVOCATION)
    post(PRIVATE, INVOCATION)
    post(json.dumps([PRIVATE]), INVOCATION)
    post(PLANTED, INVOCATION.replace("mute_call", PRIVATE))
    console.ask("POST", "/", json.dumps(PLANTED), X_Fc_Invocation_Type="Async", Authorization=bearer, Content_Type=JSON)
    assert len(console.rows) > 50
    scan(console)


def test_nothing_that_a_success_repeats_is_shown(console: Running) -> None:
    user = f"{PRIVATE}@ccc-test"
    (instance,) = console.simulator.state.instances.values()
    instance.agents[user] = Agent(user, job_id=PRIVATE)
    instance.calls[PRIVATE] = Call(PRIVATE, [Channel(PRIVATE, index=1, user_id=user)])
    payload = json.dumps({**PLANTED, "JobId": PRIVATE, "UserId": user})
    console.ask("POST", "/", payload, Authorization=f"Bearer {TOKEN}", Content_Type=JSON)
    console.ask("POST", INVOCATION, payload)
    assert [row["code"] for row in console.rows] == ["muted", "muted"]
    scan(console)


def test_nothing_of_what_ccc_says_is_shown(console: Running) -> None:
    for fault in (
        {"kind": "error", "http_status": 400, "code": PRIVATE, "message": PRIVATE},
        {"kind": "error", "http_status": 403, "code": "NoPermission", "message": PRIVATE, "headers": {"X-A": PRIVATE}},
        {"kind": "raw", "http_status": 502, "content_type": "text/html", "body": f"<html>{PRIVATE}"},
        {"kind": "raw", "http_status": 200, "content_type": JSON, "body": json.dumps({"Code": "OK", "Data": PRIVATE})},
        {"kind": "redirect", "location": f"http://127.0.0.1/{PRIVATE}"},
    ):
        console.simulator.faults.add(fault)
        console.ask("POST", "/", json.dumps(PLANTED), Authorization=f"Bearer {TOKEN}", Content_Type=JSON)
    assert len({row["code"] for row in console.rows}) > 2
    scan(console)


def test_nothing_of_what_the_page_sends_comes_back(console: Running) -> None:
    for form in console.read("callers"):
        for payload in (json.dumps(PLANTED), PRIVATE, json.dumps({PRIVATE: PRIVATE})):
            check(console.write("send", {"caller": form["name"], "payload": payload}).body)
    for name, body in (
        ("send", f"{{{PRIVATE}"),
        ("send", {"caller": PRIVATE, "payload": PRIVATE}),
        ("faults", {"fault": PRIVATE}),
        ("reset", {PRIVATE: PRIVATE}),
        (PRIVATE, {PRIVATE: PRIVATE}),
        (f"deliveries/{PRIVATE}", {}),
    ):
        check(console.write(name, body).body)
    check(console.ask("GET", f"/_console/{PRIVATE}", **HEADERS).body)
    check(console.ask("GET", "/_console/state", Host=PRIVATE).body)
    scan(console)


def test_a_canary_would_be_found() -> None:
    with pytest.raises(AssertionError):
        check(json.dumps({"escaped": PRIVATE, "ä": 1}).encode())
