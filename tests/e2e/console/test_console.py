"""The console's endpoints, around the running function."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from pathlib import Path

import pytest

from local.console import deliveries, sending
from local.demo.senders import CALLERS
from local.demo.senders import SECRETS as DEMO_SECRETS
from local.send.wire import Answer, Outgoing, exchange
from local.simulator import Simulator
from tests.builders import MUTED, PAYLOAD
from tests.e2e.console.client import Running, running
from tests.e2e.test_tools import AUTHS, SECRETS

AGENT = 0
INVOCATION = "/2023-03-30/functions/mute_call/invocations"


def microphones(console: Running) -> list[bool]:
    return [channel["muted"] for channel in console.read("state")["channels"]]


def test_a_webhook_is_noted_explained_and_seen_in_the_call(console: Running) -> None:
    assert microphones(console) == [False, False]
    assert console.post(PAYLOAD).json["status"] == "muted"
    assert microphones(console) == [True, False]
    (row,) = console.rows
    detail = console.newest()
    assert row == {name: detail[name] for name in row}
    assert (row["caller"], row["code"], row["status"], row["attempts"], row["failed"]) == (
        *("default", "muted", 200, 1, False),
    )
    assert [step["name"] for step in detail["steps"]][-1] == "key"
    assert detail["answer"]["body"]["status"] == MUTED["status"]
    # The line is printed as ever.
    assert detail["log"] == [json.loads(line) for line in console.printed.getvalue().splitlines()]


def test_a_refusal_is_told_with_its_reason(console: Running) -> None:
    console.post(PAYLOAD, Authorization="Bearer wrong")
    detail = console.newest()
    assert (detail["caller"], detail["code"], detail["status"], detail["failed"]) == (None, "unauthorized", 401, True)
    assert detail["steps"][-1]["reason"] == detail["log"][0]["reason"] == "bearer token does not match"
    assert "Www-Authenticate" in detail["answer"]["headers"]


def test_what_the_platform_refuses_has_not_met_the_function(console: Running) -> None:
    console.ask("DELETE", "/")
    detail = console.newest()
    assert (detail["status"], detail["code"], detail["steps"], detail["log"]) == (403, "AccessDenied", [], [])


def test_what_only_begins_like_the_console_is_the_function_s(console: Running) -> None:
    assert console.ask("POST", "/_consoles", "{}").status == 401
    assert len(console.rows) == 1


def test_what_was_done_under_another_configuration_is_told_by_the_log_alone(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    table = '[callers.default]\nauth = {{ scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }}\ninstances = ["{}"]\n'
    path.write_text(table.format("another"), encoding="utf-8")
    with running(path) as console:
        console.post(PAYLOAD)
        before = console.newest()
        assert (before["changed"], before["steps"][-1]["name"]) == (False, "instances")
        path.write_text(table.format("ccc-test"), encoding="utf-8")
        after = console.newest()
        assert (after["changed"], after["steps"]) == (True, [])
        assert after["log"] == before["log"]


@pytest.mark.parametrize("level", ["WARNING", "ERROR"])
def test_a_failure_is_one_without_its_log_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    path = tmp_path / "callers.toml"
    path.write_text(
        '[callers.default]\nauth = { scheme = "none", allow_anonymous = true }\n'
        'instances = ["ccc-test"]\nresponse = "always-200"\n',
        encoding="utf-8",
    )
    with running(path) as console:
        monkeypatch.setenv("LOG_LEVEL", level)
        console.post(PAYLOAD)
        console.post({**PAYLOAD, "JobId": "another"})
        console.ask("POST", INVOCATION, json.dumps(PAYLOAD))
        codes = [(row["code"], row["failed"]) for row in console.rows]
        assert codes == [("forbidden", True), ("job_not_found", True), ("muted", False)]


@pytest.mark.parametrize("name", AUTHS)
def test_the_form_sends_as_a_caller_of_any_scheme(tmp_path: Path, name: str) -> None:
    path = tmp_path / "callers.toml"
    path.write_text(f'[callers.any]\nauth = {AUTHS[name]}\ninstances = ["ccc-test"]\n', encoding="utf-8")
    with running(path, **SECRETS) as console:
        (form,) = console.read("callers")
        assert form["hindrance"] is None
        console.write("send", {"caller": "any", "payload": form["payload"]})
        assert console.rows[0]["code"] == "muted"
        assert microphones(console)[AGENT] is True


def test_a_caller_of_forms_is_sent_one(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    path.write_text(
        f'[callers.any]\nauth = {AUTHS["bearer"]}\ninstances = ["ccc-test"]\npayload = "form"\n', encoding="utf-8"
    )
    with running(path, **SECRETS) as console:
        console.write("send", {"caller": "any", "payload": console.read("callers")[0]["payload"]})
        assert console.rows[0]["code"] == "muted"


def test_the_demo_s_callers_mute_with_the_payload_that_each_form_begins_with() -> None:
    with running(CALLERS, **DEMO_SECRETS) as console:
        for form in console.read("callers"):
            console.write("send", {"caller": form["name"], "payload": form["payload"]})
            assert (console.rows[0]["caller"], console.rows[0]["code"]) == (form["name"], "muted")


GET_FILE = """
[callers.getter]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
methods = ["GET"]
[callers.far]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
networks = ["203.0.113.0/24"]
[callers.strange]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
parameters = { job_id = "body.nowhere", user_id = "body.nowhere" }
defaults = { device_id = "d", instance_id = "ccc-test" }
"""


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(GET_FILE, encoding="utf-8")
    return path


def test_the_form_sends_the_payload_of_a_caller_without_a_body_in_the_query(callers: Path) -> None:
    with running(callers) as console:
        form = console.read("callers")[0]
        assert form["hindrance"] is None
        console.write("send", {"caller": "getter", "payload": form["payload"]})
        assert (console.rows[0]["code"], console.rows[0]["caller"]) == ("muted", "getter")
        for payload in ("{", '{"JobId": {}}', "[" * 10_000):
            refused = console.write("send", {"caller": "getter", "payload": payload})
            assert "flat JSON object" in refused.json["error"]


def test_the_form_says_beforehand_what_the_function_will_refuse(callers: Path) -> None:
    with running(callers) as console:
        hints = {form["name"]: form["hindrance"] for form in console.read("callers")}
        assert "networks leave out 127.0.0.1" in hints["far"]
        assert "no sample" in hints["strange"]
        for name, code in (("far", "forbidden"), ("strange", "invalid_parameters")):
            console.write("send", {"caller": name, "payload": json.dumps(PAYLOAD)})
            assert console.rows[0]["code"] == code


def test_the_form_finds_what_it_has_sent_among_others(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_another_behind(outgoing: Outgoing, patience: float) -> Answer:
        answer = exchange(outgoing, patience)
        console.ask("DELETE", "/")
        return answer

    monkeypatch.setattr(sending, "exchange", with_another_behind)
    sent = console.write("send", {"caller": "default", "payload": json.dumps(PAYLOAD)}).json
    assert [row["code"] for row in console.rows] == ["AccessDenied", "muted"]
    assert sent["number"] == console.rows[1]["number"]


def test_what_was_sent_and_is_forgotten_has_no_number(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MOST", 0)
    sent = console.write("send", {"caller": "default", "payload": json.dumps(PAYLOAD)})
    assert (sent.status, sent.json) == (200, {"number": None})


@pytest.mark.parametrize(("deadline", "patience"), [("12000", 14), ("soon", 6.5)])
def test_the_form_waits_longer_than_the_function(
    console: Running, monkeypatch: pytest.MonkeyPatch, deadline: str, patience: float
) -> None:
    waited = []

    def noted(outgoing: Outgoing, patience: float) -> Answer:
        waited.append(patience)
        return exchange(outgoing, patience)

    monkeypatch.setattr(sending, "exchange", noted)
    monkeypatch.setenv("DEADLINE_MS", deadline)
    console.write("send", {"caller": "default", "payload": "{}"})
    assert waited == [patience]


def test_a_form_without_its_secret_says_so(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUTE_CALL_TOKEN", "")
    hindrance = console.read("callers")[0]["hindrance"]
    assert "MUTE_CALL_TOKEN is unset" in hindrance
    refused = console.write("send", {"caller": "default", "payload": "{}"})
    assert (refused.status, refused.json) == (400, {"error": hindrance})
    assert console.rows == []


def test_a_callers_file_with_a_fault_is_told_once_it_has_one(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    path.write_text("[callers.x]\n", encoding="utf-8")
    with running(path) as console:
        told = console.ask("GET", "/_console/callers")
        assert (told.status, "callers.x" in told.json["error"]) == (400, True)
        # The path of a delivery is explained with it all the same.
        console.post(PAYLOAD)
        assert console.newest()["steps"][-1]["code"] == "configuration_error"


FAULTS = {
    "throttled": ("throttled", 1),
    "throttled_wait": ("muted", 2),
    "unavailable": ("upstream_unavailable", 1),
    "dropped": ("upstream_timeout", 1),
    "html": ("upstream_invalid_response", 1),
    "denied": ("upstream_denied", 1),
}


def test_a_fault_waits_for_the_next_request(console: Running) -> None:
    for fault, expected in FAULTS.items():
        assert console.write("faults", {"fault": fault}).json == {"pending_faults": 1}
        console.post(PAYLOAD)
        row = console.rows[0]
        assert (row["code"], row["attempts"]) == expected, fault
        assert console.read("state")["pending_faults"] == 0


def test_a_slow_answer_is_waited_for_no_longer_than_the_deadline(
    console: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEADLINE_MS", "500")
    console.write("faults", {"fault": "slow"})
    console.post(PAYLOAD)
    assert console.rows[0]["code"] == "upstream_timeout"


def test_starting_over_forgets_faults_flags_and_deliveries(console: Running) -> None:
    console.post(PAYLOAD)
    console.write("faults", {"fault": "slow"})
    assert console.write("reset", {}).status == 200
    assert console.read("state") == {
        "channels": [
            {"party": "agent", "state": "ANSWERED", "muted": False},
            {"party": "customer", "state": "ANSWERED", "muted": False},
        ],
        "pending_faults": 0,
        "deliveries": [],
    }


def test_unmuting_by_hand_leaves_everything_else(console: Running) -> None:
    console.post(PAYLOAD)
    console.write("faults", {"fault": "slow"})
    assert console.write("unmute", {}).status == 200
    assert microphones(console) == [False, False]
    assert (len(console.rows), console.read("state")["pending_faults"]) == (1, 1)
    assert console.simulator.requests_total == 1


def test_every_address_takes_its_methods(console: Running) -> None:
    for method, path, status, allow in (
        ("GET", "/_console", 200, None),
        ("HEAD", "/_console/", 200, None),
        ("GET", "/_console/app.js", 200, None),
        ("GET", "/_console/nothing", 404, None),
        ("GET", "/_console/index.html/", 404, None),
        ("GET", "/_console//state", 404, None),
        ("POST", "/_console/reset/", 405, "GET, HEAD"),
        ("GET", "/_console/..%2fconsole.py", 404, None),
        ("GET", "/_console/deliveries/1", 404, None),
        ("GET", "/_console/deliveries/x", 404, None),
        ("GET", "/_console/deliveries/" + "9" * 5000, 404, None),
        ("GET", "/_console/send", 405, "POST"),
        ("GET", "/_console/reset", 405, "POST"),
        ("POST", "/_console/state", 405, "GET, HEAD"),
        ("PUT", "/_console", 405, "GET, HEAD"),
    ):
        answer = console.ask(method, path, Content_Type="application/json")
        assert (answer.status, answer.headers.get("Allow")) == (status, allow), path
        assert answer.headers["Cache-Control"] == "no-store"
    assert console.rows == []


def test_what_the_page_would_not_send_is_refused(console: Running) -> None:
    refused: tuple[tuple[str, str | dict[str, object]], ...] = (
        ("send", "{"),
        ("send", "[]"),
        ("send", "[" * 100_000),
        ("send", "{}"),
        ("send", {"caller": "nobody", "payload": ""}),
        ("send", {"caller": "default", "payload": 1}),
        ("send", {"caller": "default", "payload": "\ud800"}),
        ("faults", {"fault": "nothing"}),
        ("faults", {"fault": []}),
    )
    for name, body in refused:
        answer = console.write(name, body)
        assert (answer.status, list(answer.json)) == (400, ["error"]), body
    assert console.rows == []


FOREIGN = [
    ({"Host": "evil.example"}, 421),
    ({"Origin": "http://evil.example"}, 403),
    ({"Content_Type": "text/plain"}, 415),
    ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
]


def test_a_page_of_elsewhere_can_change_nothing(console: Running) -> None:
    console.post(PAYLOAD)
    fields = {"caller": "default", "payload": json.dumps(PAYLOAD), "fault": "slow"}
    for (headers, status), name in itertools.product(FOREIGN, ("send", "faults", "unmute", "reset")):
        answer = console.ask("POST", f"/_console/{name}", fields, **{"Content_Type": "application/json", **headers})
        assert answer.status == status
    assert len(console.rows) == 1
    assert console.read("state")["pending_faults"] == 0
    assert microphones(console)[AGENT] is True


@pytest.mark.parametrize("headers", [FOREIGN[0][0], FOREIGN[1][0], {"Origin": "null"}])
def test_a_page_of_elsewhere_cannot_invoke_the_function(console: Running, headers: dict[str, str]) -> None:
    answer = console.ask("POST", INVOCATION, json.dumps(PAYLOAD), Content_Type="text/plain", **headers)
    assert (answer.status, answer.json["Code"]) == (403, "AccessDenied")
    assert microphones(console)[AGENT] is False
    assert console.newest()["steps"] == []


@pytest.mark.parametrize("headers", [FOREIGN[0][0], FOREIGN[1][0]])
def test_a_webhook_needs_no_origin_and_the_simulator_s_reset_does(console: Running, headers: dict[str, str]) -> None:
    assert console.post(PAYLOAD, **headers).json["status"] == "muted"
    connection = http.client.HTTPConnection(console.simulator.endpoint)
    connection.request("POST", "/_simulator/reset", b"", {"Content-Type": "text/plain", **headers})
    assert connection.getresponse().status == 403
    connection.close()
    assert microphones(console)[AGENT] is True


def test_a_target_in_absolute_form_is_judged_by_its_own_host(console: Running) -> None:
    assert console.ask("GET", "http://evil.example/_console/state", Host="127.0.0.1").status == 421
    own = console.gateway.url + "/_console/state"
    assert console.ask("GET", own, Host="evil.example").status == 200


def test_a_defect_is_told_without_a_stack_trace(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot(_: Simulator) -> None:
        raise ValueError("canary")

    monkeypatch.setattr(Simulator, "snapshot", snapshot)
    answer = console.ask("GET", "/_console/state")
    assert (answer.status, answer.json) == (500, {"error": "a defect of the console: ValueError"})


def test_what_is_looked_at_while_webhooks_arrive_takes_nothing_from_the_log(console: Running) -> None:
    console.post(PAYLOAD)
    first = console.rows[0]["number"]
    looking = [threading.Thread(target=lambda: [console.read(f"deliveries/{first}") for _ in range(15)]) for _ in "ab"]
    for thread in looking:
        thread.start()
    for _ in range(30):
        console.post(PAYLOAD)
    for thread in looking:
        thread.join()
    printed = console.printed.getvalue().splitlines()
    assert len({json.loads(line)["request_id"] for line in printed}) == len(printed) == 31
