"""Faults of CCC as the sender of a webhook and the reader of the log see them: through the gateway, over HTTP.

The whole matrix is in `tests/integration/shared/test_faults.py`; here is one row of each kind, and those that only the
deadline ends.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from local.demo.stack import DEMO_TOKEN
from local.gateway import Gateway
from local.simulator import Simulator
from tests.builders import PAYLOAD

DEADLINE_S = 1.0
# What the pipeline takes besides the waits that are asked for, on a machine that runs the whole suite.
SLACK_S = 2.0
# A tenth above the deadline is promised; the rest is for the same machine.
LATEST_S = DEADLINE_S * 1.1 + 1.5


def turned_away(status: int, code: str, wait_ms: int) -> dict[str, Any]:
    return {"kind": "error", "http_status": status, "code": code, "headers": {"x-acs-retry-after": str(wait_ms)}}


class Row(NamedTuple):
    """What CCC does, one fault per request, and what comes of it; every request is an attempt."""

    faults: tuple[dict[str, Any], ...]
    code: str
    status: int
    retryable: bool
    requests: int = 1
    least_s: float = 0.0
    retry_after: str | None = None


LOST = ("upstream_timeout", 504, True)
UNREADABLE = ("upstream_invalid_response", 502, True)
BUSY = ("throttled", 429, True)
GONE = ("upstream_unavailable", 503, True)
MUTED = ("muted", 200, False)

ROWS: dict[str, Row] = {
    # The read timeout is longer than the deadline: it is the deadline that ends these two.
    "delay beyond the deadline": Row(({"kind": "delay", "ms": 5000},), *LOST, 1, DEADLINE_S),
    "drip beyond the deadline": Row(({"kind": "drip", "ms": 50},), *LOST, 1, DEADLINE_S),
    "lost": Row(({"kind": "drop", "when": "after"},), *LOST),
    "unreadable": Row(({"kind": "gzip", "broken": True},), *UNREADABLE),
    "throttled, the wait fits": Row((turned_away(429, "Throttling.User", 200),), *MUTED, 2, 0.2),
    "throttled twice": Row((turned_away(429, "Throttling.User", 100),) * 2, *BUSY, 2, 0.1, "1"),
    "503, the wait does not fit": Row((turned_away(503, "ServiceUnavailable", 1100),), *GONE, retry_after="2"),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_fault_reaches_the_sender_and_the_log_as_the_contract_has_it(
    simulator: Simulator,
    gateway: Callable[[str], Gateway],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    row: Row,
) -> None:
    monkeypatch.setenv("CCC_READ_TIMEOUT_MS", "3000")
    monkeypatch.setenv("DEADLINE_MS", str(int(DEADLINE_S * 1000)))
    for fault in row.faults:
        simulator.faults.add(fault)

    status, retry_after, body, seconds = _post(gateway("python3.12").url)

    code = body.get("code") or body["status"]
    assert (status, code, body.get("retryable", False), retry_after) == (
        row.status,
        row.code,
        row.retryable,
        row.retry_after,
    )
    assert len(simulator.requests) == row.requests
    assert row.least_s <= seconds <= min(row.least_s + SLACK_S, LATEST_S)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["code"], line["status"], line["attempts"]) == (row.code, row.status, row.requests)


def test_a_redirect_is_not_followed_even_to_who_would_answer(
    simulator: Simulator, gateway: Callable[[str], Gateway]
) -> None:
    simulator.faults.add({"kind": "redirect", "http_status": 307, "location": f"{simulator.url}/?elsewhere"})

    status, _, body, _ = _post(gateway("python3.12").url)

    assert (status, body["code"]) == (502, "upstream_invalid_response")
    assert len(simulator.requests) == 1


def _post(url: str) -> tuple[int, str | None, dict[str, Any], float]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {DEMO_TOKEN}", "Content-Type": "application/json"}
    began = time.monotonic()
    try:
        connection.request("POST", "/", json.dumps(PAYLOAD), headers)
        response = connection.getresponse()
        body = json.loads(response.read())
    finally:
        connection.close()
    return response.status, response.getheader("Retry-After"), body, time.monotonic() - began
