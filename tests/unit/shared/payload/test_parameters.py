from __future__ import annotations

from typing import Any

import pytest

from shared.payload.parameters import CallParameters, read_parameters
from shared.problems import FieldError, InvalidParameters

VALID: dict[str, Any] = {"device_id": "device", "instance_id": "ccc-test", "job_id": "job-1", "user_id": "a@b"}
PASCAL = {"DeviceId": "device", "InstanceId": "ccc-test", "JobId": "job-1", "UserId": "a@b"}
CAMEL = {"deviceId": "device", "instanceId": "ccc-test", "jobId": "job-1", "userId": "a@b"}


def read(payload: dict[str, Any], **defaults: str) -> CallParameters:
    return read_parameters(CallParameters, payload, defaults)


def errors_of(payload: dict[str, Any], **defaults: str) -> set[FieldError]:
    with pytest.raises(InvalidParameters) as caught:
        read(payload, **defaults)
    return set(caught.value.errors)


@pytest.mark.parametrize("payload", [VALID, PASCAL, CAMEL, {**VALID, "ChannelId": None}])
def test_the_three_spellings_mean_the_same(payload: dict[str, Any]) -> None:
    assert read(payload).query() == PASCAL


@pytest.mark.parametrize("key", ["channel_id", "channelId", "ChannelId"])
def test_a_channel_is_passed_on(key: str) -> None:
    assert read({**VALID, key: "ch:user:1->2"}).query() == {**PASCAL, "ChannelId": "ch:user:1->2"}


@pytest.mark.parametrize("value", [None, "", " ", "\t\n"])
def test_a_channel_that_is_null_or_empty_is_the_agents_own(value: str | None) -> None:
    assert read({**VALID, "channel_id": value}).channel_id is None


@pytest.mark.parametrize("key", ["ChannelID", "channelid", "Channel_Id", "channel-id", " ChannelId"])
def test_a_key_that_is_nearly_a_parameters_is_refused_with_that_name(key: str) -> None:
    (error,) = errors_of({**VALID, key: "x"})

    assert error.field == "payload"
    assert any(f"did you mean {name}?" in error.reason for name in ("channel_id", "channelId", "ChannelId"))


@pytest.mark.parametrize("key", ["", "Action", "ü", "\x00", "canary"])
def test_an_unknown_key_is_refused_and_not_quoted(key: str) -> None:
    assert errors_of({**VALID, key: "x"}) == {FieldError("payload", "has an unknown key")}


@pytest.mark.parametrize(("one", "other"), [("job_id", "JobId"), ("jobId", "JobId"), ("job_id", "jobId")])
def test_one_parameter_in_two_spellings_is_refused(one: str, other: str) -> None:
    payload = {key: value for key, value in VALID.items() if key != "job_id"}

    errors = errors_of({**payload, one: "job-1", other: "job-1"})

    assert errors == {FieldError(other, "occurs in two spellings")}


@pytest.mark.parametrize("name", VALID)
def test_a_required_parameter_is_required(name: str) -> None:
    payload = {key: value for key, value in VALID.items() if key != name}

    assert errors_of(payload) == errors_of({**VALID, name: None}) == {FieldError(name, "required")}


def test_every_error_is_told_at_once_in_the_payloads_own_spelling() -> None:
    assert errors_of({"UserId": "nobody", "DeviceId": True, "job": 1}) == {
        FieldError("payload", "has an unknown key"),
        FieldError("DeviceId", "must be a string or an integer"),
        FieldError("InstanceId", "required"),
        FieldError("JobId", "required"),
        FieldError("UserId", "must have the form name@domain"),
    }


@pytest.mark.parametrize(("key", "missing"), [("userId", "jobId"), ("user_id", "job_id"), ("other", "job_id")])
def test_what_is_missing_is_spelled_as_what_is_there(key: str, missing: str) -> None:
    assert missing in {error.field for error in errors_of({key: "a@b"})}


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**400])
def test_an_integer_over_64_bits_is_no_identifier(value: int) -> None:
    assert {error.field for error in errors_of({**VALID, "job_id": value})} == {"job_id"}


@pytest.mark.parametrize(
    ("value", "digits"), [(1, "1"), (0, "0"), (-5, "-5"), (2**63 - 1, "9223372036854775807"), (10**18, "1" + "0" * 18)]
)
@pytest.mark.parametrize("name", ["device_id", "channel_id"])
def test_an_integer_is_taken_as_its_digits(name: str, value: int, digits: str) -> None:
    assert getattr(read({**VALID, name: value}), name) == digits


@pytest.mark.parametrize("value", [True, 1.5, [], {}])
@pytest.mark.parametrize("name", [*VALID, "channel_id"])
def test_any_other_type_is_refused(name: str, value: object) -> None:
    assert errors_of({**VALID, name: value}) == {FieldError(name, "must be a string or an integer")}


@pytest.mark.parametrize("name", [*VALID, "channel_id"])
def test_values_are_trimmed(name: str) -> None:
    value = VALID.get(name, "ch")

    assert getattr(read({**VALID, name: f" \t{value}\r\n"}), name) == value


@pytest.mark.parametrize(
    "character",
    [
        *(
            "\x00",
            "\x7f",
            "\n",
            "\x85",
            "\u00a0",
            "\u200b",
            "\u2028",
            "\u202e",
            "\ufeff",
            "\ue000",
            "\U000e0001",
            "\ud800",
        ),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("name", ["job_id", "channel_id"])
def test_characters_that_do_not_print_are_refused(name: str, character: str) -> None:
    value = f"a{character}b@c"

    assert errors_of({**VALID, name: value}) == {FieldError(name, "must have printable characters only")}


@pytest.mark.parametrize("value", ["a b@c", "静音@ccc", "a:b->c/d?e=f&g%20@h", "~!#$@x"])
def test_printable_characters_are_taken(value: str) -> None:
    assert read({**VALID, "user_id": value}).user_id == value


@pytest.mark.parametrize("value", ["a", "@", "a@", "@b", "a@b@c", "a@@b", "user-test"])
def test_a_user_id_is_name_at_domain(value: str) -> None:
    assert errors_of({**VALID, "user_id": value}) == {FieldError("user_id", "must have the form name@domain")}


def test_defaults_fill_what_is_absent() -> None:
    parameters = read({"JobId": "job-1", "UserId": "a@b"}, device_id="crm", instance_id="ccc-test")

    assert parameters.query() == {"DeviceId": "crm", "InstanceId": "ccc-test", "JobId": "job-1", "UserId": "a@b"}


@pytest.mark.parametrize("given", [{}, {"ChannelId": None}, {"ChannelId": ""}])
def test_a_default_channel_fills_an_absent_null_or_empty_one(given: dict[str, Any]) -> None:
    assert read({**VALID, **given}, channel_id="ch").channel_id == "ch"


@pytest.mark.parametrize("value", [True, 1.5, [], "x" * 257])
def test_a_default_does_not_hide_a_wrong_value(value: object) -> None:
    assert {error.field for error in errors_of({**VALID, "device_id": value}, device_id="crm")} == {"device_id"}


@pytest.mark.parametrize(
    "payload",
    [
        {"canary": "canary"},
        {**VALID, "JobId": "canary"},
        {**VALID, "user_id": "canary"},
        {**VALID, "job_id": "canary\x00"},
        {**VALID, "job_id": "canary" * 100},
        {**VALID, "job_id": ["canary"]},
        {**VALID, "job_id": {"canary": "canary"}},
    ],
)
def test_no_value_and_no_key_of_the_payload_is_told(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameters) as caught:
        read(payload)

    assert "canary" not in f"{caught.value.errors}{caught.value.reason}{caught.value.detail}{caught.value!r}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("payload", "names"), [({}, "device_id, instance_id"), ({"JobId": ""}, "DeviceId, InstanceId")]
)
def test_the_detail_names_the_parameters(payload: dict[str, Any], names: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        read(payload)

    assert names in caught.value.detail


@pytest.mark.parametrize("value", ["", "\t \u00a0"])
@pytest.mark.parametrize("name", VALID)
def test_a_required_parameter_must_not_be_empty(name: str, value: str) -> None:
    assert errors_of({**VALID, name: value}) == {FieldError(name, "must not be empty")}


@pytest.mark.parametrize("character", ["a", "ü", "静", "\U0001f600"])
def test_256_characters_are_taken_and_257_are_not(character: str) -> None:
    assert read({**VALID, "job_id": f"  {character * 256}  "}).job_id == character * 256
    assert errors_of({**VALID, "job_id": character * 257}) == {FieldError("job_id", "must have at most 256 characters")}
