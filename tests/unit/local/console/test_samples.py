from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.console.samples import USUAL, as_query, sample_for
from local.demo.senders import CALLERS
from local.deployed import ACTIONS
from shared.callers.caller import Caller
from shared.callers.file import load_callers

EVENTS = Path(__file__).parents[4] / "events"
MUTE_CALL = ACTIONS["mute_call"]


def caller(**settings: object) -> Caller:
    auth = {"scheme": "bearer", "secrets": ["env:TOKEN"]}
    return Caller.model_validate({"auth": auth, "instances": ["*"], **settings})


@pytest.mark.parametrize(
    ("name", "sample"),
    [("default", "direct.json"), ("jiandaoyun", "callers/jiandaoyun.json"), ("flow", "direct.json")],
)
def test_the_demo_s_callers_get_the_demo_s_samples(name: str, sample: str) -> None:
    found = sample_for(name, load_callers(CALLERS).callers[name], MUTE_CALL)
    assert found == EVENTS.joinpath(sample).read_text(encoding="utf-8")


def test_a_mapping_gets_a_sample_in_which_it_finds_what_it_needs() -> None:
    mapped = caller(
        parameters={"job_id": "body.FriendlyName", "user_id": "body.ParticipantLabel"},
        defaults={"device_id": "d", "instance_id": "ccc-test"},
    )
    assert "FriendlyName" in json.loads(sample_for("any", mapped, MUTE_CALL) or "")


@pytest.mark.parametrize(("name", "field"), [("twilio", "FriendlyName"), ("standard-webhooks", "data")])
def test_where_several_fit_the_caller_s_name_decides(name: str, field: str) -> None:
    either = caller(
        parameters={"job_id": "not_null(body.FriendlyName, body.data.call)"},
        defaults={"device_id": "d", "instance_id": "i", "user_id": "a@b"},
    )
    assert field in json.loads(sample_for(name, either, MUTE_CALL) or "")


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("body.a.b", {"a": {"b": "JOB"}}),
        ('body."通话ID"', {"通话ID": "JOB"}),
        ("body.a[1].b", {"a": [None, {"b": "JOB"}]}),
        ("body.a[-1].b", {"a": [{"b": "JOB"}]}),
        ("not_null(body.x, body.y) || body.z", {"x": "JOB"}),
        (
            "body.f[?id == 'call' && kind == 'text'].value | [0]",
            {"f": [{"value": "JOB", "id": "call", "kind": "text"}]},
        ),
        ("body.items[*].id | [0]", {"items": [{"id": "JOB"}]}),
        ("body.writer == 'bot' && body.job", {"writer": "bot", "job": "JOB"}),
        ("body.mine && body.job", {"mine": "test", "job": "JOB"}),
        ("from_json(from_base64(body.data)).job", {"data": "eyJqb2IiOiAiSk9CIn0="}),
        ("from_json(url_decode(body.m)).job", {"m": "%7B%22job%22%3A%20%22JOB%22%7D"}),
        ("to_string(body.n)", {"n": "JOB"}),
        ("join('O', ['J', body.n])", {"n": "B"}),
        ("join('', [body.a.b, 'OB'])", {"a": {"b": "J"}}),
    ],
)
def test_a_mapping_that_finds_nothing_in_any_sample_gets_one_of_its_own(
    expression: str, made: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.console.samples.USUAL", USUAL.replace("job-65815360847228928", "JOB"))
    strange = caller(
        parameters={"job_id": expression},
        defaults={"device_id": "d", "instance_id": "i", "user_id": "a@b"},
        idempotency_key="body.event.id",
    )
    found = json.loads(sample_for("any", strange, MUTE_CALL) or "")
    assert found.pop("event").keys() == {"id"}
    assert found == made


@pytest.mark.parametrize(
    "expression",
    [
        "join('-', ['no', body.nowhere])",
        "join('-', [body.one, body.other])",
        "join('-', body.all)",
        "join(body.glue, ['job', body.nowhere])",
        "body.agent.call",
        "body.calls[1:] | [0]",
    ],
)
def test_a_mapping_that_cannot_be_reversed_has_none(expression: str) -> None:
    strange = caller(
        parameters={"user_id": "body.agent", "job_id": expression}, defaults={"device_id": "d", "instance_id": "i"}
    )
    assert sample_for("any", strange, MUTE_CALL) is None


def test_a_caller_of_another_instance_has_no_sample() -> None:
    assert sample_for("any", caller(instances=["another"]), MUTE_CALL) is None


@pytest.mark.parametrize(("root", "found"), [("query", True), ("body", False)])
def test_a_caller_that_sends_no_body_is_looked_at_with_its_query(root: str, *, found: bool) -> None:
    mapped = caller(
        methods=["GET"],
        parameters={"job_id": f"{root}.JobId", "user_id": f"{root}.UserId"},
        defaults={"device_id": "d", "instance_id": "ccc-test"},
    )
    assert (sample_for("any", mapped, MUTE_CALL) == USUAL) is found


@pytest.mark.parametrize(
    ("payload", "query"),
    [
        ({"a": "b", "n": 1, "t": True, "x": None}, {"a": "b", "n": "1", "t": "true", "x": ""}),
        ({"a": {}}, None),
        ({"a": []}, None),
        ([], None),
        ("a", None),
    ],
)
def test_a_query_is_made_of_a_flat_object(payload: object, query: dict[str, str] | None) -> None:
    assert as_query(payload) == query
