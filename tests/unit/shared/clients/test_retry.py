from __future__ import annotations

import re
import time
from typing import Any

import pytest

from shared.clients import retry
from shared.clients.retry import LEAST_ATTEMPT_S, delivery_state_of, pause_before_retry, with_one_retry
from shared.problems import (
    ConfigurationError,
    DeliveryState,
    JobNotFound,
    Throttled,
    Upstream,
    UpstreamDenied,
    UpstreamInvalidResponse,
    UpstreamProblem,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from shared.runtime.context import Credentials

OLD, NEW = Credentials("id", "secret", "old"), Credentials("id", "secret", "new")
EXPIRED = UpstreamDenied("reason", upstream=Upstream("InvalidSecurityToken.Expired", None), delivery_state="answered")
NOT_SENT = UpstreamUnavailable("reason", delivery_state="not_sent")
BUSY = Throttled("reason", delivery_state="rejected", wait_ms=700)


@pytest.mark.parametrize(
    ("kind", "sent", "status", "state"),
    [
        (UpstreamUnavailable, False, None, "not_sent"),
        (Throttled, True, 429, "rejected"),
        (Throttled, True, 400, "rejected"),
        (Throttled, True, 200, "rejected"),
        (UpstreamUnavailable, True, 503, "rejected"),
        (UpstreamRejected, True, 503, "rejected"),
        (UpstreamUnavailable, True, 500, "unknown"),
        (UpstreamUnavailable, True, 200, "unknown"),
        (UpstreamInvalidResponse, True, None, "unknown"),
        (UpstreamTimeout, True, None, "unknown"),
        (JobNotFound, True, 404, "answered"),
        (JobNotFound, True, 200, "answered"),
        (UpstreamDenied, True, 403, "answered"),
    ],
)
def test_what_became_of_a_request(
    kind: type[UpstreamProblem],
    sent: bool,  # noqa: FBT001 - a row
    status: int | None,
    state: DeliveryState,
) -> None:
    assert delivery_state_of(kind, sent=sent, status=status) == state


def test_the_table_names_every_fate() -> None:
    rows = re.findall(r"\| `(.+?)`\s+\| ", retry.delivery_state_of.__doc__ or "")
    assert set(rows) == {"not_sent", "rejected", "unknown", "answered"}


@pytest.mark.parametrize(
    ("delivery_state", "wait_ms", "left_s", "pause_s"),
    [
        ("not_sent", None, 4.5, 0.1),
        ("not_sent", None, 0.5, None),
        ("not_sent", None, -1.0, None),
        ("rejected", 700, 4.5, 0.7),
        ("rejected", 700, 0.7 + LEAST_ATTEMPT_S, 0.7),
        ("rejected", 701, 0.7 + LEAST_ATTEMPT_S, None),
        ("rejected", 3_600_000, 4.5, None),
        ("rejected", None, 4.5, None),
        ("answered", 700, 4.5, None),
        ("unknown", None, 4.5, None),
        ("unknown", 700, 4.5, None),
    ],
)
def test_how_long_to_wait_before_the_second_attempt(
    delivery_state: DeliveryState, wait_ms: int | None, left_s: float, pause_s: float | None
) -> None:
    assert pause_before_retry(delivery_state, wait_ms, left_s) == pause_s


class Script:
    """Attempts that end as they are told to, and credentials as they are told to be."""

    def __init__(self, *outcomes: UpstreamProblem | str, credentials: tuple[Credentials | None, ...] = (OLD,)) -> None:
        self.outcomes = list(outcomes)
        self.credentials = list(credentials)
        self.sent: list[Credentials] = []
        self.slept: list[float] = []

    def send(self, credentials: Credentials) -> str:
        self.sent.append(credentials)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, UpstreamProblem):
            raise outcome
        return outcome

    def read(self) -> Credentials:
        found = self.credentials.pop(0) if len(self.credentials) > 1 else self.credentials[0]
        if found is None:
            raise ConfigurationError("none")
        return found

    def run(self, left_s: float = 4.5) -> Any:
        return with_one_retry(self.send, self.read(), self.read, time.monotonic() + left_s, self.slept.append)


@pytest.mark.parametrize(("problem", "slept"), [(NOT_SENT, 0.1), (BUSY, 0.7)], ids=["not_sent", "busy"])
def test_what_was_not_carried_out_is_sent_once_more(problem: UpstreamProblem, slept: float) -> None:
    script = Script(problem, "answer")

    assert script.run() == "answer"
    assert (script.sent, script.slept) == ([OLD, OLD], [slept])


@pytest.mark.parametrize(
    "problem",
    [
        UpstreamTimeout("r"),
        UpstreamInvalidResponse("r"),
        JobNotFound("r", delivery_state="answered"),
        UpstreamUnavailable("r"),
    ],
)
def test_what_may_have_been_carried_out_is_not(problem: UpstreamProblem) -> None:
    script = Script(problem)

    with pytest.raises(type(problem)):
        script.run()

    assert (script.sent, script.slept) == ([OLD], [])


def test_there_is_no_third_attempt() -> None:
    script = Script(NOT_SENT, BUSY)

    with pytest.raises(Throttled):
        script.run()

    assert len(script.sent) == 2


def test_without_time_there_is_no_second_attempt() -> None:
    script = Script(NOT_SENT)

    with pytest.raises(UpstreamUnavailable):
        script.run(0.3)

    assert (script.sent, script.slept) == ([OLD], [])


def test_an_expired_token_is_replaced_by_the_one_that_is_there_now() -> None:
    script = Script(EXPIRED, "answer", credentials=(OLD, NEW))

    assert script.run() == "answer"
    assert (script.sent, script.slept) == ([OLD, NEW], [])


@pytest.mark.parametrize(
    ("credentials", "left_s"), [((OLD, OLD), 4.5), ((OLD, None), 4.5), ((OLD, NEW), 0.1)], ids=["same", "gone", "late"]
)
def test_an_expired_token_without_another_is_denied(credentials: tuple[Credentials | None, ...], left_s: float) -> None:
    script = Script(EXPIRED, credentials=credentials)

    with pytest.raises(UpstreamDenied):
        script.run(left_s)

    assert script.sent == [OLD]


def test_another_denial_does_not_ask_for_credentials_again() -> None:
    script = Script(
        UpstreamDenied("r", upstream=Upstream("NoPermission"), delivery_state="answered"), credentials=(OLD, NEW)
    )

    with pytest.raises(UpstreamDenied):
        script.run()

    assert script.sent == [OLD]
