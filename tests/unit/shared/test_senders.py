"""Requests as real senders make them: what each block of the callers file makes of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from functions.mute_call.index import MUTE_CALL
from shared.function import Function
from tests.builders import Context312, environment
from tests.unit.shared.fakes import FakeCall

CASES: list[dict[str, Any]] = json.loads(Path(__file__).parents[2].joinpath("data/senders.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_real_request_is_answered_as_its_sender_expects(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callers, call, request = tmp_path / "callers.toml", FakeCall(), case["request"]
    callers.write_text(case["callers_toml"], encoding="utf-8")
    event = {
        "rawPath": request["path"],
        "queryParameters": request["query"],
        "headers": request["headers"],
        "body": request.get("body_base64") or request["body"],
        "isBase64Encoded": "body_base64" in request,
        "requestContext": {"http": {"method": request["method"], "path": request["path"], "sourceIp": "203.0.113.9"}},
    }
    environ = {**environment(), **case["variables"]}
    function = Function(MUTE_CALL, callers, environ=environ, now=lambda: case["now"], call=call)

    answer = function.handle(json.dumps(event).encode(), Context312())

    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (answer["statusCode"], line["code"]) == (case["expect"]["status"], case["expect"]["code"]), line["reason"]
    sent = call.calls[0].parameters if call.calls else {}
    assert {name: sent[name] for name in ("JobId", "UserId") if name in sent} == {
        name: value for name, value in case["expect"].items() if name in ("JobId", "UserId")
    }
    if "body" in case["expect"]:
        assert json.loads(answer["body"]) == case["expect"]["body"]
    assert base64.b64encode(request["headers"].get("X-Api-Key", "-").encode()).decode() not in answer["body"]
