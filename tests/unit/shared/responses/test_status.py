from __future__ import annotations

import json
from typing import Any

import pytest

from shared.payload.parameters import CallParameters
from shared.responses.status import slim_status
from tests.builders import MUTED
from tests.unit.shared.fakes import CCC_REQUEST_ID, MUTE_CALL, OWN_CHANNEL, sample

OWN = CallParameters(
    device_id="device", instance_id="ccc-test", job_id="job-65815360847228928", user_id="user-test@ccc-test"
)
CUSTOMER = "ch:customer:80011474->13188888888:1609253204816:job-65815360847228928"
PRIVATE = ("13188888888", "13900000001", "80011474", "ch:", "1609253204816", "Warm-up", "ON_SITE", "skg-", "device")


def status(answer: dict[str, Any], channel_id: str | None = None) -> dict[str, Any]:
    success = slim_status(MUTE_CALL, OWN.model_copy(update={"channel_id": channel_id}), answer)
    assert success.code == "muted"
    assert success.upstream == ("OK", success.fields["request_id"])
    return success.fields


def answer_with(**channel: Any) -> dict[str, Any]:
    """Return the typed sample with one channel, the agent's, changed as told; `...` leaves a key out."""
    answer = sample("typed")
    own = answer["Data"]["CallContext"]["ChannelContexts"][1] | channel
    answer["Data"]["CallContext"]["ChannelContexts"] = [{k: v for k, v in own.items() if v is not ...}]
    return answer


def test_the_typed_sample_gives_the_documented_status() -> None:
    assert status(sample("typed")) == {**MUTED, "request_id": CCC_REQUEST_ID}


def test_the_documented_sample_of_strings_gives_the_same_but_its_flags() -> None:
    assert status(sample("documented")) == {**status(sample("typed")), "muted": False}


def test_the_keys_stand_in_the_documented_order() -> None:
    assert " ".join(status(sample("typed"))) == (
        "status muted instance_id job_id user_id call_type channel_state user_state request_id replayed"
    )


@pytest.mark.parametrize("name", ["typed", "documented"])
@pytest.mark.parametrize("channel_id", [None, OWN_CHANNEL, CUSTOMER])
def test_no_phone_number_extension_or_channel_is_returned(name: str, channel_id: str | None) -> None:
    text = json.dumps(status(sample(name), channel_id))

    assert not [private for private in PRIVATE if private in text]


FLAGS: dict[bool | None, tuple[object, ...]] = {
    True: (
        *("MUTED", '["MUTED"]', "HOLD, MUTED", "[HOLD, MUTED]", "MUTED,", " MUTED ", "HOLD|MUTED", "hold Muted"),
        *(["HOLD", "MUTED"], ["muted"], ["HOLD,MUTED"]),
    ),
    False: ("HOLD", ["HOLD"], '["HOLD"]', "HOLD,MONITORED", "UNMUTED", "NOT_MUTED", ["UNMUTED"], [], "[]", "[ ]"),
    None: ("", ",", "无", None, "null", ..., False, 0, "0", {}, '{"flags": ["HOLD"]}'),
}


@pytest.mark.parametrize(
    ("flags", "muted"), [(flags, muted) for muted, row in FLAGS.items() for flags in row], ids=repr
)
def test_muted_is_read_from_the_flags(flags: object, muted: bool | None) -> None:  # noqa: FBT001 - a column of the table
    assert status(answer_with(ChannelFlags=flags))["muted"] is muted


@pytest.mark.parametrize(
    "others",
    [
        [{"ChannelState": "RELEASED", "Index": 9}],
        [{"ChannelState": "RETIRED", "Index": 9}, {"ChannelState": "released", "Index": "8"}],
        [{"ChannelState": "NONE", "Index": 9}],
        [{"ChannelState": "RINGING", "Index": 9}],
        [{"ChannelState": None, "Index": 9}],
        [{"ChannelState": "ANSWERED", "Index": 0, "Timestamp": 9_999_999_999_999}],
        [{"ChannelState": "ANSWERED", "Index": "0"}],
        [{"ChannelState": "ANSWERED", "Index": None, "Timestamp": 1}],
        [{"ChannelState": "ANSWERED", "Index": "9x", "Timestamp": "1"}],
    ],
    ids=str,
)
@pytest.mark.parametrize(("channel_id", "first"), [(None, True), (OWN_CHANNEL, False)])
def test_of_several_channels_the_live_and_newest_counts(
    others: list[dict[str, Any]], channel_id: str | None, *, first: bool
) -> None:
    answer = answer_with(ChannelFlags="MUTED")
    channels = answer["Data"]["CallContext"]["ChannelContexts"]
    more = [channels[-1] | {"ChannelFlags": "HOLD"} | other for other in others]
    channels[:] = more + channels if first else channels + more

    assert status(answer, channel_id) == {**MUTED, "request_id": CCC_REQUEST_ID}


def test_without_a_live_channel_the_last_one_that_is_over_is_told() -> None:
    assert status(answer_with(ChannelState="RELEASED"))["channel_state"] == "RELEASED"


@pytest.mark.parametrize(
    ("channel_id", "state", "muted"), [(OWN_CHANNEL, "ANSWERED", True), (CUSTOMER, "RINGING", False)]
)
def test_the_channel_asked_for_counts(channel_id: str, state: str, muted: bool) -> None:  # noqa: FBT001 - a column
    result = status(sample("typed"), channel_id)

    assert result["channel_state"] == state
    assert result["muted"] is muted
    assert result["call_type"] == "OUTBOUND"


def test_a_channel_asked_for_that_the_answer_lacks_is_null() -> None:
    result = status(sample("typed"), "ch:other")

    assert result["channel_state"] is None
    assert result["muted"] is None
    assert result["user_state"] == "TALKING"


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer.pop("Data"),
        lambda answer: answer.update(Data="无"),
        lambda answer: answer.update(Data=[]),
        lambda answer: answer.update(Data="[" * 100_000),
        lambda answer: answer["Data"].update(CallContext=None, UserContext=None),
        lambda answer: answer["Data"].update(CallContext=[1], UserContext="x"),
    ],
)
def test_missing_objects_are_null(change: Any) -> None:
    answer = sample("typed")
    change(answer)

    result = status(answer)

    assert result["status"] == "muted"
    assert {result[name] for name in ("muted", "call_type", "channel_state", "user_state")} == {None}


@pytest.mark.parametrize("channels", [None, "", "无", [], "[]", {}, 5, [None, 5, "x", []], ...])
def test_missing_channels_are_null(channels: object) -> None:
    answer = sample("typed")
    call = answer["Data"]["CallContext"]
    call["ChannelContexts"] = channels
    if channels is ...:
        del call["ChannelContexts"]

    assert status(answer)["channel_state"] is None
    assert status(answer)["call_type"] == "OUTBOUND"


def test_objects_and_lists_may_come_as_json_text() -> None:
    answer = sample("typed")
    call = answer["Data"]["CallContext"]
    call["ChannelContexts"] = json.dumps([json.dumps(channel) for channel in call["ChannelContexts"]])
    answer["Data"]["CallContext"] = json.dumps(call)
    answer["Data"]["UserContext"] = json.dumps(answer["Data"]["UserContext"])
    answer["Data"] = json.dumps(answer["Data"])

    assert status(answer) == status(sample("typed"))


@pytest.mark.parametrize(
    "value", ["无", "", " ", None, 5, True, [], {}, "13188888888", "+8613188888888", "a b", "A" * 65]
)
def test_a_placeholder_or_a_value_that_is_no_word_is_null(value: object) -> None:
    answer = answer_with(ChannelState=value)
    answer["Data"]["CallContext"]["CallType"] = value
    answer["Data"]["UserContext"]["UserState"] = value

    result = status(answer)

    assert {result[name] for name in ("call_type", "channel_state", "user_state")} == {None}


@pytest.mark.parametrize("value", [None, "", "无", 5, "13188888888", "a b-c", "x" * 65, ["a-b"]])
def test_a_request_id_that_is_none_is_null(value: object) -> None:
    assert status({**sample("typed"), "RequestId": value})["request_id"] is None


def test_ids_are_those_asked_for_not_those_answered() -> None:
    answer = sample("typed")
    answer["Data"]["CallContext"].update(InstanceId="other", JobId="other")
    answer["Data"]["UserContext"].update(UserId="other@ccc-test")

    result = status(answer)

    assert (result["instance_id"], result["job_id"], result["user_id"]) == (OWN.instance_id, OWN.job_id, OWN.user_id)


def test_a_single_channel_may_come_without_its_list() -> None:
    answer = answer_with()
    answer["Data"]["CallContext"]["ChannelContexts"] = answer["Data"]["CallContext"]["ChannelContexts"][0]

    assert status(answer) == status(sample("typed"))
