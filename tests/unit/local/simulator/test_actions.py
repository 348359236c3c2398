import pytest

from local.simulator.actions import ACTIONS, Action
from local.simulator.errors import BusinessError
from local.simulator.state import AGENT_CHANNEL_ID, CUSTOMER_CHANNEL_ID, INSTANCE_ID, JOB_ID, USER_ID, State, seed
from tests.unit.local.simulator.signing import MUTE

MUTE_CALL = ACTIONS["MuteCall"]
UNMUTE_CALL = ACTIONS["UnmuteCall"]


@pytest.fixture
def state() -> State:
    return seed()


def flags(state: State) -> list[list[str]]:
    return [channel["flags"] for channel in state.as_json()["calls"][0]["channels"]]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (MUTE, [["MUTED"], []]),
        ({**MUTE, "ChannelId": ""}, [["MUTED"], []]),
        ({**MUTE, "ChannelId": AGENT_CHANNEL_ID}, [["MUTED"], []]),
        ({**MUTE, "ChannelId": CUSTOMER_CHANNEL_ID}, [[], ["MUTED"]]),
        ({"InstanceId": INSTANCE_ID, "JobId": JOB_ID}, [["MUTED"], []]),
    ],
)
def test_mute_and_unmute_change_the_channel_asked_for(
    state: State, parameters: dict[str, str], expected: list[list[str]]
) -> None:
    MUTE_CALL.perform(state, parameters, strict=False)
    assert flags(state) == expected

    UNMUTE_CALL.perform(state, parameters, strict=False)
    assert flags(state) == [[], []]


def test_other_flags_stay(state: State) -> None:
    state.instances[INSTANCE_ID].calls[JOB_ID].channels[0].flags = {"HOLD"}

    MUTE_CALL.perform(state, MUTE, strict=False)
    assert flags(state)[0] == ["HOLD", "MUTED"]
    UNMUTE_CALL.perform(state, MUTE, strict=False)
    assert flags(state)[0] == ["HOLD"]


def test_unmute_needs_no_job(state: State) -> None:
    MUTE_CALL.perform(state, MUTE, strict=False)

    UNMUTE_CALL.perform(state, {"InstanceId": INSTANCE_ID}, strict=False)

    assert flags(state) == [[], []]


@pytest.mark.parametrize("action", [MUTE_CALL, UNMUTE_CALL], ids=lambda action: action.name)
def test_a_repeat_changes_nothing(state: State, action: Action) -> None:
    action.perform(state, MUTE, strict=False)
    before = flags(state)

    action.perform(state, MUTE, strict=False)

    assert flags(state) == before


def test_a_strict_repeat_is_an_error(state: State) -> None:
    with pytest.raises(BusinessError) as unmuted:
        UNMUTE_CALL.perform(state, MUTE, strict=True)
    MUTE_CALL.perform(state, MUTE, strict=True)
    with pytest.raises(BusinessError) as muted:
        MUTE_CALL.perform(state, MUTE, strict=True)
    UNMUTE_CALL.perform(state, MUTE, strict=True)

    assert unmuted.value.code == muted.value.code == "InvalidOperation.ChannelState"
    assert (unmuted.value.params, muted.value.params) == (("ANSWERED", "MUTED"), ("MUTED", "ANSWERED"))


@pytest.mark.parametrize("action", [MUTE_CALL, UNMUTE_CALL], ids=lambda action: action.name)
@pytest.mark.parametrize(
    ("change", "code", "params"),
    [
        ({"InstanceId": "other"}, "NotExists.InstanceId", ("other",)),
        ({"JobId": "job-1"}, "NotExists.JobId", ("job-1",)),
        ({"UserId": "x@y"}, "NotExists.UserId", ("x@y", "ccc-test")),
        ({"ChannelId": "ch:x"}, "NotExists.ChannelId", ("ch:x", JOB_ID)),
    ],
)
def test_what_does_not_exist_is_named(
    state: State, action: Action, change: dict[str, str], code: str, params: tuple[str, ...]
) -> None:
    with pytest.raises(BusinessError) as caught:
        action.perform(state, {**MUTE, **change}, strict=False)

    error = caught.value
    assert (error.status, error.code, error.params) == (404, code, params)
    assert all(each in error.message for each in params)
    assert flags(state) == [[], []]


def test_the_call_is_looked_for_before_the_agent(state: State) -> None:
    with pytest.raises(BusinessError) as caught:
        MUTE_CALL.perform(state, {**MUTE, "JobId": "job-1", "UserId": "x@y"}, strict=False)

    assert caught.value.code == "NotExists.JobId"


@pytest.mark.parametrize("user_state", ["OFFLINE", "RINGING"])
def test_only_a_talking_agent_is_muted(state: State, user_state: str) -> None:
    state.instances[INSTANCE_ID].agents[USER_ID].state = user_state

    with pytest.raises(BusinessError) as caught:
        MUTE_CALL.perform(state, MUTE, strict=False)

    assert (caught.value.status, caught.value.code) == (400, "InvalidOperation.UserState")
    assert caught.value.params == (user_state, "TALKING")


def test_only_an_answered_channel_is_muted(state: State) -> None:
    state.instances[INSTANCE_ID].calls[JOB_ID].channels[0].state = "RELEASED"

    with pytest.raises(BusinessError) as caught:
        MUTE_CALL.perform(state, MUTE, strict=False)

    assert (caught.value.status, caught.value.code) == (400, "InvalidOperation.ChannelState")
    assert caught.value.params == ("RELEASED", "ANSWERED")


def test_an_agent_without_a_channel_in_the_call_has_none_to_mute(state: State) -> None:
    state.instances[INSTANCE_ID].calls[JOB_ID].channels.pop(0)

    with pytest.raises(BusinessError) as caught:
        MUTE_CALL.perform(state, MUTE, strict=False)

    assert (caught.value.code, caught.value.params) == ("NotExists.ChannelId", ("", JOB_ID))


def test_an_agent_whose_call_is_gone_has_none_to_unmute(state: State) -> None:
    state.instances[INSTANCE_ID].agents[USER_ID].job_id = "job-gone"

    with pytest.raises(BusinessError) as caught:
        UNMUTE_CALL.perform(state, {"InstanceId": INSTANCE_ID}, strict=False)

    assert (caught.value.code, caught.value.params) == ("NotExists.JobId", ("job-gone",))
