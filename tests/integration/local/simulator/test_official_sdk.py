"""The product's own SDK, which nobody here wrote, against the simulator with its real clock."""

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.simulator import Simulator
from local.simulator.actions import ACTIONS
from local.simulator.products.ccc import success
from local.simulator.state import AGENT_CHANNEL_ID, CUSTOMER_CHANNEL_ID, JOB_ID, seed
from tests.integration.local.simulator.processes import python
from tests.unit.local.simulator.signing import MUTE

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def official() -> Iterator["subprocess.Popen[str]"]:
    with python("-m", "tests.integration.local.simulator.official_client") as process:
        yield process
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


@pytest.fixture
def call(simulator: Simulator, official: "subprocess.Popen[str]") -> Call:
    """Return what calls the simulator: action, parameters, and the configuration to change."""

    def call(action: str, parameters: dict[str, str], **changes: str) -> dict[str, Any]:
        assert official.stdin is not None
        assert official.stdout is not None
        official.stdin.write(json.dumps([simulator.endpoint, action, parameters, changes]) + "\n")
        official.stdin.flush()
        line = official.stdout.readline()
        assert line, official.communicate(timeout=60)[1]
        outcome: dict[str, Any] = json.loads(line)
        return outcome

    return call


def flags(simulator: Simulator) -> list[list[str]]:
    return [channel["flags"] for channel in simulator.snapshot()["calls"][0]["channels"]]


def test_mute_and_unmute_are_understood(simulator: Simulator, call: Call) -> None:
    muted = call("MuteCall", {**MUTE, "ChannelId": AGENT_CHANNEL_ID})

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
    assert muted["body"] == success(muted["body"]["RequestId"], outcome)

    unmuted = call("UnmuteCall", {"InstanceId": "ccc-test"})

    assert flags(simulator) == [[], []]
    assert unmuted["body"]["Data"]["CallContext"]["ChannelContexts"][0]["ChannelFlags"] == ""


def test_what_does_not_exist_is_a_client_exception(call: Call) -> None:
    outcome = call("MuteCall", {**MUTE, "ChannelId": "ch:x>y"})

    assert (outcome["kind"], outcome["status"], outcome["code"]) == ("ClientException", 404, "NotExists.ChannelId")
    assert outcome["data"]["Params"] == ["ch:x>y", JOB_ID]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"access_key_id": "STS.other"}, "InvalidAccessKeyId.NotFound"),
        ({"access_key_secret": "other"}, "SignatureDoesNotMatch"),
        ({"security_token": "other"}, "InvalidSecurityToken.MismatchWithAccessKey"),
        ({"security_token": ""}, "MissingSecurityToken"),
    ],
)
def test_a_wrong_credential_is_a_client_exception(
    simulator: Simulator, call: Call, changes: dict[str, str], code: str
) -> None:
    outcome = call("MuteCall", {**MUTE, "ChannelId": CUSTOMER_CHANNEL_ID}, **changes)

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
def test_faults_reach_the_sdk_as_its_exceptions(
    simulator: Simulator, call: Call, script: dict[str, Any], kind: str
) -> None:
    simulator.faults.add(script)

    assert call("MuteCall", MUTE)["kind"] == kind


def test_gzip_is_undone(simulator: Simulator, call: Call) -> None:
    simulator.faults.add({"kind": "gzip"})

    assert call("MuteCall", MUTE)["body"]["Code"] == "OK"
