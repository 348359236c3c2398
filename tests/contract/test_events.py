"""The sample events, handed to the handler as the platform would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from functions.mute_call.index import handler
from local.demo.stack import DEMO_TOKEN
from local.simulator import Simulator
from tests.builders import Context312, environment
from tests.contract.documents import ROOT

EVENTS = ROOT / "events"
CODES = {"http": "muted", "http-base64": "muted", "direct": "muted", "refused": "unauthorized"}


def test_every_sample_is_tried_here() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == set(CODES)


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_a_sample_gives_its_answer(name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = Path(EVENTS / f"{name}.json").read_bytes()
    with Simulator() as simulator:
        variables = environment(CCC_ENDPOINT=simulator.url, MUTE_CALL_TOKEN=DEMO_TOKEN)
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        answer = handler(content, Context312())
    body = answer if name == "direct" else json.loads(answer["body"])
    assert code in (body["status"], body.get("code"))
