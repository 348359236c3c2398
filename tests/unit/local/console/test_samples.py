from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.console.samples import sample_for
from local.demo import CALLERS
from local.deployed import ACTIONS
from shared.callers import Caller, load_callers

EVENTS = Path(__file__).parents[4] / "events"
MUTE_CALL = ACTIONS["mute_call"]


def caller(**settings: object) -> Caller:
    auth = {"scheme": "bearer", "secrets": ["env:TOKEN"]}
    return Caller.model_validate({"auth": auth, "instances": ["*"], **settings})


@pytest.mark.parametrize(
    ("name", "sample"),
    [("default", "direct.json"), ("crm", "callers/standard-webhooks.json"), ("flow", "direct.json")],
)
def test_the_demo_s_callers_get_the_demo_s_samples(name: str, sample: str) -> None:
    found = sample_for(name, load_callers(CALLERS).callers[name], MUTE_CALL)
    assert found == EVENTS.joinpath(sample).read_text(encoding="utf-8")


def test_a_mapping_gets_a_sample_in_which_it_finds_what_it_needs() -> None:
    mapped = caller(
        parameters={"job_id": "body.FriendlyName", "user_id": "body.ParticipantLabel"},
        defaults={"device_id": "d", "instance_id": "ccc-test"},
    )
    assert "FriendlyName" in json.loads(sample_for("any", mapped, MUTE_CALL))


@pytest.mark.parametrize(("name", "field"), [("twilio", "FriendlyName"), ("standard-webhooks", "data")])
def test_where_several_fit_the_caller_s_name_decides(name: str, field: str) -> None:
    either = caller(
        parameters={"job_id": "not_null(body.FriendlyName, body.data.call)"},
        defaults={"device_id": "d", "instance_id": "i", "user_id": "a@b"},
    )
    assert field in json.loads(sample_for(name, either, MUTE_CALL))


def test_a_mapping_that_no_sample_is_for_begins_with_the_usual_one() -> None:
    strange = caller(
        parameters={"job_id": "body.nowhere"}, defaults={"device_id": "d", "instance_id": "i", "user_id": "a@b"}
    )
    assert sample_for("any", strange, MUTE_CALL) == EVENTS.joinpath("direct.json").read_text(encoding="utf-8")
