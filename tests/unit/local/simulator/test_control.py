import json
from dataclasses import replace
from typing import Any

import pytest

from local.simulator import control
from local.simulator.endpoint import Endpoint
from local.simulator.options import AccessKey, Options
from local.simulator.request import Request
from local.simulator.state import AGENT_CHANNEL_ID, CUSTOMER_CHANNEL_ID, JOB_ID
from tests.unit.local.simulator.conftest import FakeClock
from tests.unit.local.simulator.signing import MUTE, signed

DEFAULTS = {
    "business_errors": "http-status",
    "repeated_mute": "ok",
}


def call(endpoint: Endpoint, method: str, name: str, body: bytes = b"") -> tuple[int, Any]:
    answer = control.handle(endpoint, Request(method, f"/_simulator/{name}", body=body))
    assert answer.headers["Content-Type"] == "application/json"
    return answer.status, json.loads(answer.body)


def test_the_state_shows_the_seed(endpoint: Endpoint) -> None:
    status, state = call(endpoint, "GET", "state")

    assert status == 200
    assert state["instances"] == [{"instance_id": "ccc-test", "caller_user_id": "user-test@ccc-test"}]
    assert [(agent["instance_id"], agent["user_id"], agent["state"], agent["job_id"]) for agent in state["agents"]] == [
        ("ccc-test", "user-test@ccc-test", "TALKING", JOB_ID)
    ]
    (one_call,) = state["calls"]
    assert (one_call["instance_id"], one_call["job_id"], one_call["call_type"]) == ("ccc-test", JOB_ID, "OUTBOUND")
    assert [(each["channel_id"], each["user_id"], each["flags"]) for each in one_call["channels"]] == [
        (AGENT_CHANNEL_ID, "user-test@ccc-test", []),
        (CUSTOMER_CHANNEL_ID, "", []),
    ]
    assert state["secrets"] == []
    assert (state["options"], state["pending_faults"], state["requests_total"], state["requests"]) == (
        DEFAULTS,
        0,
        0,
        [],
    )


def test_the_record_shows_a_request_without_its_secrets(endpoint: Endpoint) -> None:
    endpoint.handle(signed())

    (entry,) = call(endpoint, "GET", "state")[1]["requests"]

    headers = entry.pop("headers")
    assert entry == {
        "time": "2026-11-22T05:34:19+00:00",
        "method": "POST",
        "path": "/",
        "action": "MuteCall",
        "parameters": MUTE,
        "status": 200,
    }
    assert headers["authorization"] == headers["x-acs-security-token"] == "***"
    assert headers["x-acs-action"] == "MuteCall"


def test_the_record_is_bounded_and_the_count_is_not(endpoint: Endpoint) -> None:
    nameless = Request("GET", "/?n=0")
    for number in range(1002):
        endpoint.handle(replace(nameless, target=f"/?n={number}"))

    state = call(endpoint, "GET", "state")[1]

    assert (state["requests_total"], len(state["requests"])) == (1002, 1000)
    assert (state["requests"][0]["parameters"], state["requests"][-1]["parameters"]) == ({"n": "2"}, {"n": "1001"})


@pytest.mark.parametrize("body", [b"", b" \n", b"{}"])
def test_a_reset_starts_over(endpoint: Endpoint, body: bytes) -> None:
    used = signed()
    endpoint.handle(used)
    endpoint.faults.add({"kind": "drop", "times": 3})

    assert call(endpoint, "POST", "reset", body) == (200, {"options": DEFAULTS})

    state = call(endpoint, "GET", "state")[1]
    assert (state["pending_faults"], state["requests_total"], state["requests"]) == (0, 0, [])
    assert state["calls"][0]["channels"][0]["flags"] == []
    again = endpoint.handle(used).answer
    assert again is not None
    assert again.status == 200


def test_a_reset_changes_the_initial_options(clock: FakeClock) -> None:
    endpoint = Endpoint(Options(business_errors="http-200"), clock=clock)

    changed = {**DEFAULTS, "business_errors": "http-200", "repeated_mute": "error"}
    assert call(endpoint, "POST", "reset", b'{"repeated_mute": "error"}') == (200, {"options": changed})
    assert call(endpoint, "POST", "reset") == (200, {"options": {**DEFAULTS, "business_errors": "http-200"}})


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        ("reset", b"{", "body: must be JSON"),
        ("reset", b"\xff", "body: must be JSON"),
        ("reset", b"[" * 100_000, "body: must be JSON"),
        ("reset", b"[]", "options: must be a JSON object"),
        ("reset", b'{"speed": "fast"}', "speed: unknown option, known are business_errors, repeated_mute"),
        ("reset", b'{"repeated_mute": []}', "repeated_mute: must be one of ok, error"),
        ("reset", b'{"repeated_mute": "error", "business_errors": 0}', "business_errors: must be one of http-status,"),
        ("faults", b"", "body: must be JSON"),
        ("faults", b"1" * 5000, "body: must be JSON"),
        ("faults", b"[]", "fault: must be a JSON object"),
        ("faults", b'{"kind": "delay"}', "ms: required for delay"),
    ],
)
def test_an_invalid_body_changes_nothing(endpoint: Endpoint, name: str, body: bytes, text: str) -> None:
    endpoint.handle(signed())

    status, answer = call(endpoint, "POST", name, body)

    assert status == 400
    assert answer["error"].startswith(text)
    state = endpoint.snapshot()
    assert (state["requests_total"], state["pending_faults"], state["options"]) == (1, 0, DEFAULTS)


def test_a_fault_is_queued(endpoint: Endpoint) -> None:
    body = b'{"kind": "drop", "times": 2}'

    assert call(endpoint, "POST", "faults", body) == (200, {"pending_faults": 2})
    assert endpoint.snapshot()["pending_faults"] == 2


@pytest.mark.parametrize(
    ("method", "name"), [("POST", "state"), ("GET", "reset"), ("PUT", "faults"), ("GET", "secrets")]
)
def test_another_method_is_not_allowed(endpoint: Endpoint, method: str, name: str) -> None:
    answer = control.handle(endpoint, Request(method, f"/_simulator/{name}"))

    assert answer.status == 405
    assert answer.headers["Allow"] in ("GET", "POST")
    assert answer.headers["Allow"] != method


@pytest.mark.parametrize(
    "header", [("Host", "evil.example"), ("Origin", "http://evil.example"), ("Origin", "null")], ids=str
)
@pytest.mark.parametrize(("method", "name"), [("GET", "state"), ("POST", "reset")])
def test_a_page_of_elsewhere_reads_and_changes_nothing(
    endpoint: Endpoint, method: str, name: str, header: tuple[str, str]
) -> None:
    endpoint.handle(signed())

    answer = control.handle(endpoint, Request(method, f"/_simulator/{name}", headers=(header,)))

    assert answer.status == 403
    state = endpoint.snapshot()
    assert (state["requests_total"], state["pending_faults"]) == (1, 0)


@pytest.mark.parametrize("name", ["", "State", "state/", "../state"])
def test_another_path_is_not_there(endpoint: Endpoint, name: str) -> None:
    status, body = call(endpoint, "GET", name)

    assert status == 404
    assert body["error"].endswith("/_simulator/state, /_simulator/reset, /_simulator/faults, /_simulator/secrets")


def test_an_access_key_does_not_show_its_secrets() -> None:
    assert repr(AccessKey()) == "AccessKey(access_key_id='STS.local')"
