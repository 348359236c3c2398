"""The product's own SDK, which nobody here wrote, against the simulator with its real clock."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.simulator import Simulator
from local.simulator.actions import ACTIONS
from local.simulator.bodies import success
from local.simulator.state import AGENT_CHANNEL_ID, CUSTOMER_CHANNEL_ID, JOB_ID, seed
from tests.integration.simulator.processes import run
from tests.unit.local.simulator.signing import MUTE

SCRIPT = str(Path(__file__).with_name("official_client.py"))


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


def call(simulator: Simulator, action: str, parameters: dict[str, str], **changes: str) -> dict[str, Any]:
    code, out, err = run(SCRIPT, simulator.endpoint, action, json.dumps(parameters), json.dumps(changes))
    assert (code, err) == (0, "")
    outcome: dict[str, Any] = json.loads(out)
    return outcome


def flags(simulator: Simulator) -> list[list[str]]:
    return [channel["flags"] for channel in simulator.snapshot()["calls"][0]["channels"]]


@pytest.mark.parametrize("signature", [{}, {"signature_algorithm": "v2"}])
def test_mute_and_unmute_are_understood(simulator: Simulator, signature: dict[str, str]) -> None:
    muted = call(simulator, "MuteCall", {**MUTE, "ChannelId": AGENT_CHANNEL_ID}, **signature)

    assert flags(simulator) == [["MUTED"], []]
    assert muted["status"] == 200
    assert muted["types"] == {
        "HttpStatusCode": "int",
        "Params": "list",
        "Index": "int",
        "Timestamp": "int",
        "OutboundScenario": "bool",
        "SignedSkillGroupIdList": "list",
        "Heartbeat": "int",
    }
    # The SDK's model drops what it does not know: every key that went out must have come back.
    state = seed()
    outcome = ACTIONS["MuteCall"].perform(state, MUTE, strict=False)
    assert muted["body"] == success(muted["body"]["RequestId"], outcome, simulator.options)

    unmuted = call(simulator, "UnmuteCall", {"InstanceId": "ccc-test"}, **signature)

    assert flags(simulator) == [[], []]
    assert unmuted["body"]["Data"]["CallContext"]["ChannelContexts"][0]["ChannelFlags"] == ""
    signed_by = ["authorization" in request["headers"] for request in simulator.requests]
    assert signed_by == [not signature, not signature]


@pytest.mark.parametrize("action", ["MuteCall", "UnmuteCall"])
@pytest.mark.parametrize(
    ("change", "code", "params"),
    [
        ({"InstanceId": "other"}, "NotExists.InstanceId", ["other"]),
        ({"JobId": "job-1"}, "NotExists.JobId", ["job-1"]),
        ({"UserId": "x@y"}, "NotExists.UserId", ["x@y", "ccc-test"]),
        ({"ChannelId": "ch:x>y"}, "NotExists.ChannelId", ["ch:x>y", JOB_ID]),
    ],
)
def test_what_does_not_exist_is_a_client_exception(
    simulator: Simulator, action: str, change: dict[str, str], code: str, params: list[str]
) -> None:
    outcome = call(simulator, action, {**MUTE, **change})

    assert (outcome["kind"], outcome["status"], outcome["code"]) == ("ClientException", 404, code)
    assert outcome["data"]["Params"] == params


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"access_key_id": "STS.other"}, "InvalidAccessKeyId.NotFound"),
        ({"access_key_secret": "other"}, "SignatureDoesNotMatch"),
        ({"security_token": "other"}, "InvalidSecurityToken.MismatchWithAccessKey"),
        ({"security_token": ""}, "MissingSecurityToken"),
    ],
)
def test_a_wrong_credential_is_a_client_exception(simulator: Simulator, changes: dict[str, str], code: str) -> None:
    outcome = call(simulator, "MuteCall", {**MUTE, "ChannelId": CUSTOMER_CHANNEL_ID}, **changes)

    assert (outcome["kind"], outcome["code"]) == ("ClientException", code)
    assert flags(simulator) == [[], []]


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (
            {
                "kind": "error",
                "http_status": 429,
                "code": "Throttling.User",
                "headers": {"x-acs-retry-after": "1500"},
            },
            "ThrottlingException",
        ),
        ({"kind": "error", "http_status": 503, "code": "ServiceUnavailable"}, "ServerException"),
        (
            {"kind": "raw", "http_status": 502, "content_type": "text/html", "body": "<h1>Bad</h1>"},
            "UnretryableException",
        ),
        ({"kind": "drop"}, "UnretryableException"),
        ({"kind": "truncate"}, "UnretryableException"),
        ({"kind": "gzip", "broken": True}, "UnretryableException"),
    ],
)
def test_faults_reach_the_sdk_as_its_exceptions(simulator: Simulator, script: dict[str, Any], kind: str) -> None:
    simulator.faults.add(script)

    assert call(simulator, "MuteCall", MUTE)["kind"] == kind


def test_gzip_is_undone(simulator: Simulator) -> None:
    simulator.faults.add({"kind": "gzip"})

    assert call(simulator, "MuteCall", MUTE)["body"]["Code"] == "OK"
