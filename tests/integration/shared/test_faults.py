"""Whatever CCC's side does: what the caller is told, how often CCC was asked, and how long it took."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, NamedTuple

import pytest

from functions.mute_call.index import MUTE_CALL
from local.simulator import Simulator
from shared.function import Function
from tests.builders import Context312, environment, http_event
from tests.unit.shared.fakes import BEARER

CONNECT_S, READ_S, DEADLINE_S = 0.3, 0.4, 1.5
# Where nothing is to run out: a busy machine may stand still for longer than those.
PATIENT = (5.0, 15.0)
# What an invocation takes beside the waits that are asked for, on a machine that runs the whole suite.
SLACK_S = 2.0
HTML = {"kind": "raw", "content_type": "text/html", "body": "<html>gateway</html>"}
JSON = "application/json;charset=utf-8"


def error(status: int, code: str, wait_ms: int | None = None) -> dict[str, Any]:
    headers = {"headers": {"x-acs-retry-after": str(wait_ms)}} if wait_ms else {}
    return {"kind": "error", "http_status": status, "code": code, **headers}


def answer(status: int, body: str, **headers: str) -> dict[str, Any]:
    return {"kind": "raw", "http_status": status, "content_type": JSON, "body": body, "headers": headers}


class Row(NamedTuple):
    """What CCC does, one fault per request, and what comes of it."""

    faults: tuple[dict[str, Any], ...]
    code: str
    status: int
    retryable: bool
    requests: int = 1
    least_s: float = 0.0
    retry_after: str | None = None


BUSY = ("throttled", 429, True)
GONE = ("upstream_unavailable", 503, True)
UNREADABLE = ("upstream_invalid_response", 502, True)
LOST = ("upstream_timeout", 504, True)
MUTED = ("muted", 200, False)
DENIED = ("upstream_denied", 502, False)
UNKNOWN_CALL = ("job_not_found", 404, False)

MATRIX: dict[str, Row] = {
    "no fault": Row((), *MUTED),
    "delay within the read timeout": Row(({"kind": "delay", "ms": 200},), *MUTED, least_s=0.2),
    "delay beyond the read timeout": Row(({"kind": "delay", "ms": 3000},), *LOST, least_s=READ_S),
    "drop before the answer": Row(({"kind": "drop"},), *LOST),
    "truncated": Row(({"kind": "truncate"},), *LOST),
    # The deadline ends this one: every read is in time.
    "drip": Row(({"kind": "drip", "ms": 100},), *LOST, least_s=DEADLINE_S),
    "HTML 502": Row(({**HTML, "http_status": 502},), *UNREADABLE),
    "empty 200": Row((answer(200, ""),), *UNREADABLE),
    "200 without a code": Row((answer(200, "{}"),), *UNREADABLE),
    "200 with an error code": Row((answer(200, '{"Code": "NotExists.JobId"}'),), *UNKNOWN_CALL),
    "oversized": Row((answer(200, '{"Code": "OK", "x": "' + "x" * 1_048_576 + '"}'),), *UNREADABLE),
    "gzip": Row(({"kind": "gzip"},), *MUTED),
    "broken gzip": Row(({"kind": "gzip", "broken": True},), *UNREADABLE),
    "429 without a wait": Row((error(429, "Throttling.User"),), *BUSY, retry_after="1"),
    "429, the wait fits": Row((error(429, "Throttling.User", 300),), *MUTED, 2, least_s=0.3),
    "429 twice": Row((error(429, "Throttling.User", 200),) * 2, *BUSY, 2, least_s=0.2, retry_after="1"),
    "200 throttled, the wait fits": Row(
        (answer(200, '{"Code": "Throttling.Api"}', **{"x-acs-retry-after": "200"}),), *MUTED, 2, least_s=0.2
    ),
    "throttled, then lost": Row((error(429, "Throttling.User", 100), {"kind": "drop"}), *LOST, 2),
    "503 without a wait": Row((error(503, "ServiceUnavailable"),), *GONE, retry_after="2"),
    "503, the wait fits": Row((error(503, "ServiceUnavailable", 200),), *MUTED, 2, least_s=0.2),
    "500 with a wait": Row((error(500, "InternalError", 200),), *GONE, retry_after="1"),
    "token expired, and no other": Row((error(400, "InvalidSecurityToken.Expired"),), *DENIED),
    "no permission": Row((error(403, "NoPermission"),), *DENIED),
}


class Answered(NamedTuple):
    status: int
    code: str
    retryable: bool
    retry_after: str | None
    seconds: float


Post = Callable[..., Answered]


@pytest.fixture
def post(tmp_path_factory: pytest.TempPathFactory) -> Post:
    callers = tmp_path_factory.mktemp("callers") / "callers.toml"
    callers.write_text(f"[callers.default]{BEARER}", encoding="utf-8")

    def handle(endpoint: str, read_s: float = READ_S, deadline_s: float = DEADLINE_S) -> Answered:
        variables = environment(
            CCC_ENDPOINT=f"http://{endpoint}",
            CCC_CONNECT_TIMEOUT_MS=str(int(CONNECT_S * 1000)),
            CCC_READ_TIMEOUT_MS=str(int(read_s * 1000)),
            DEADLINE_MS=str(int(deadline_s * 1000)),
        )
        began = time.monotonic()
        reply = Function(MUTE_CALL, callers, environ=variables).handle(http_event(), Context312())
        seconds = time.monotonic() - began
        body = json.loads(reply["body"])
        code = body.get("code") or body["status"]
        headers = reply["headers"]
        return Answered(reply["statusCode"], code, body.get("retryable", False), headers.get("Retry-After"), seconds)

    return handle


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.mark.parametrize("row", MATRIX.values(), ids=MATRIX.keys())
def test_a_fault_is_answered_and_logged_as_the_matrix_has_it(
    simulator: Simulator, post: Post, capsys: pytest.CaptureFixture[str], row: Row
) -> None:
    simulator.reset()
    for fault in row.faults:
        simulator.faults.add(fault)

    answered = post(simulator.endpoint, *(() if row.code == "upstream_timeout" else PATIENT))

    assert answered[:4] == (row.status, row.code, row.retryable, row.retry_after)
    assert len(simulator.requests) == row.requests
    assert row.least_s <= answered.seconds <= row.least_s + SLACK_S
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["code"], line["status"], line["attempts"]) == (row.code, row.status, row.requests)


def test_a_redirect_is_not_followed_even_to_who_would_answer(simulator: Simulator, post: Post) -> None:
    simulator.reset()
    simulator.faults.add({"kind": "redirect", "http_status": 307, "location": f"{simulator.url}/?elsewhere"})

    assert post(simulator.endpoint)[:4] == (502, "upstream_invalid_response", True, None)
    assert len(simulator.requests) == 1


def test_who_refuses_is_asked_once_more(post: Post) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        endpoint = f"127.0.0.1:{closed.getsockname()[1]}"

    answered = post(endpoint)

    assert answered[:4] == (503, "upstream_unavailable", True, "2")
    # The pause before the second attempt.
    assert 0.1 <= answered.seconds <= 0.1 + SLACK_S


def test_who_does_not_pick_up_is_asked_once_more_and_no_longer_than_both_timeouts(post: Post) -> None:
    with ExitStack() as stack:
        full = stack.enter_context(closing(socket.socket()))
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            # The backlog is full: the kernel drops whoever comes next.
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        answered = post(f"127.0.0.1:{full.getsockname()[1]}")

    assert answered[:4] == (503, "upstream_unavailable", True, "2")
    assert 2 * CONNECT_S + 0.1 <= answered.seconds <= 2 * CONNECT_S + 0.1 + SLACK_S
