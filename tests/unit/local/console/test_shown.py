from __future__ import annotations

import json
from typing import Any

import pytest

from local.console import shown
from local.console.deliveries import Delivery
from local.console.picture import picture, unmute
from local.gateway.message import Request
from local.http import Answer
from local.simulator.state import AGENT_CHANNEL_ID, seed
from tests.builders import MUTED

LINE = {"event": "webhook", "level": "INFO", "caller": "crm", "code": "muted", "attempts": 2, "replayed": True}
INVOCATION = "/2023-03-30/functions/mute_call/invocations"


def delivery(answer: Answer, path: str = "/", method: str = "POST") -> Delivery:
    return Delivery(1, Request(method, path), answer, 12.34)


def body(fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_a_row_is_told_by_the_log_line() -> None:
    row = shown.row(delivery(Answer(200, {}, body(MUTED))), [{"event": "dead_letter"}, LINE])
    row.pop("time")
    assert row == {
        "number": 1,
        "direct": False,
        "caller": "crm",
        "code": "muted",
        "status": 200,
        "ms": 12.3,
        "attempts": 2,
        "replayed": True,
        "failed": False,
    }


def test_a_failure_that_is_answered_200_is_one() -> None:
    answer = Answer(200, {}, body({"status": "error", "code": "job_not_found"}))
    assert shown.row(delivery(answer), [{**LINE, "level": "WARNING"}])["failed"] is True


@pytest.mark.parametrize(
    ("answer", "code", "failed"),
    [
        (Answer(200, {}, body({**MUTED, "request_id": "A"})), "muted", False),
        (Answer(401, {}, body({"code": "unauthorized", "status": 401})), "unauthorized", True),
        (Answer(403, {"X-Fc-Error-Type": "FcCommonError"}, body({"Code": "AccessDenied"})), "AccessDenied", True),
        (Answer(200, {}, body({"status": "ok", "version": "1"})), None, False),
        (Answer(200, {"X-Fc-Error-Type": "UnhandledInvocationError"}, body({"errorMessage": "m"})), None, True),
        (Answer(202), None, False),
        (Answer(200, {}, b"[]"), None, False),
        (Answer(500, {}, b"\xff"), None, True),
        # In a status that says nothing: always-200, and what a direct invocation returns.
        (Answer(200, {}, body({"status": "error", "code": "job_not_found"})), "job_not_found", True),
        (Answer(200, {}, body({"code": "forbidden", "status": 403})), "forbidden", True),
        (Answer(200, {}, body({"code": "odd", "status": True})), "odd", False),
    ],
)
def test_without_a_line_the_answer_tells(answer: Answer, code: str | None, *, failed: bool) -> None:
    row = shown.row(delivery(answer), [])
    assert (row["code"], row["failed"], row["caller"]) == (code, failed, None)


def test_the_status_of_a_direct_invocation_says_nothing() -> None:
    row = shown.row(delivery(Answer(200, {}, b"{}"), INVOCATION), [LINE])
    assert (row["direct"], row["status"]) == (True, None)
    assert shown.row(delivery(Answer(403, {}, b"{}"), INVOCATION, "GET"), [])["direct"] is False


def test_an_answer_is_shown_without_what_it_repeats() -> None:
    headers = {"Content-Type": "application/json", "Www-Authenticate": "Bearer", "X-Canary": "canary"}
    fields: dict[str, Any] = {**MUTED, "request_id": "A", "challenge": "canary", "stackTrace": ["canary"]}
    assert shown.answer(Answer(200, headers, body(fields))) == {
        "status": 200,
        "headers": {"Content-Type": "application/json", "Www-Authenticate": "Bearer"},
        "body": {**MUTED, "request_id": "A", "instance_id": "***", "job_id": "***", "user_id": "***"},
    }


def test_the_picture_tells_parties_and_microphones_and_no_number() -> None:
    state = seed()
    (call,) = state.instances["ccc-test"].calls.values()
    channel = call.channel(AGENT_CHANNEL_ID)
    assert channel is not None
    channel.flags.add("MUTED")
    assert picture({**state.as_json(), "pending_faults": 3}) == {
        "channels": [
            {"party": "agent", "state": "ANSWERED", "muted": True},
            {"party": "customer", "state": "ANSWERED", "muted": False},
        ],
        "pending_faults": 3,
    }


def test_unmuting_changes_the_flag_alone() -> None:
    state = seed()
    (call,) = state.instances["ccc-test"].calls.values()
    for channel in call.channels:
        channel.flags.update({"MUTED", "HELD"})
    unmute(state)
    assert [channel.flags for channel in call.channels] == [{"HELD"}, {"HELD"}]
