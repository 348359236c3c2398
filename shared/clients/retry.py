"""Whether a call of CCC that failed is sent once more: only where it was certainly not carried out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from shared.problems import (
    ConfigurationError,
    DeliveryState,
    Throttled,
    UpstreamDenied,
    UpstreamProblem,
    UpstreamUnavailable,
)
from shared.runtime.context import Credentials

Answer = TypeVar("Answer")

_SERVICE_UNAVAILABLE = 503
_TOKEN_EXPIRED = "InvalidSecurityToken.Expired"  # noqa: S105 - a code of the OpenAPI gateway
# Refused just now: the moment that a listener or a route needs to come back.
_PAUSE_S = 0.1
# With less than this left, a second attempt could only end in an unknown outcome.
LEAST_ATTEMPT_S = 0.5


def delivery_state_of(kind: type[UpstreamProblem], *, sent: bool, status: int | None) -> DeliveryState:
    """Return the state of a request that did not succeed.

    | what happened                                               | state         | sent once more             |
    | ----------------------------------------------------------- | ------------- | -------------------------- |
    | no name, no route, refused, TLS, connect timeout            | `not_sent`    | yes                        |
    | throttled, with any status; a readable 503                  | `rejected`    | after the wait it asks for |
    | any other failure of CCC itself: it may be half done        | `unknown`     | no                         |
    | unreadable answer, redirect                                 | `unknown`     | no                         |
    | read timeout, connection lost, deadline                     | `unknown`     | no                         |
    | any other refusal, with any status                          | `answered`    | no: it would be again      |

    Args:
        kind: the problem that is reported for it.
        sent: whether anything of it may have left this machine.
        status: of CCC's answer, `None` without a readable one.
    """
    if not sent:
        return "not_sent"
    if status is None:
        return "unknown"
    if issubclass(kind, Throttled) or status == _SERVICE_UNAVAILABLE:
        return "rejected"
    return "unknown" if issubclass(kind, UpstreamUnavailable) else "answered"


def pause_before_retry(delivery_state: DeliveryState, wait_ms: int | None, left_s: float) -> float | None:
    """Return the seconds to wait before the request is sent once more; `None` if it is not to be.

    Args:
        delivery_state: of the first attempt.
        wait_ms: what CCC asks for (`x-acs-retry-after`). Without it the time is unknown, and the sender has to
            retry.
        left_s: of the deadline.
    """
    if delivery_state == "not_sent":
        pause = _PAUSE_S
    elif delivery_state == "rejected" and wait_ms:
        pause = wait_ms / 1000
    else:
        return None
    return pause if pause + LEAST_ATTEMPT_S <= left_s else None


def with_one_retry(
    send: Callable[[Credentials], Answer],
    credentials: Credentials,
    renew: Callable[[], Credentials],
    deadline: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Return the answer of the first attempt, or of a second one if that is safe and there is time.

    An expired token is refused before anything is done: with credentials that have changed since, it is tried again.

    Args:
        send: one attempt.
        credentials: of this invocation.
        renew: returns those of this moment.
        deadline: by `time.monotonic()`.
        sleep: waits, in seconds.

    Raises:
        UpstreamProblem: of the last attempt.
    """
    try:
        return send(credentials)
    except UpstreamProblem as problem:
        left_s = deadline - time.monotonic()
        if _is_expired(problem):
            renewed = _changed(credentials, renew)
            if renewed is None or left_s < LEAST_ATTEMPT_S:
                raise
            credentials = renewed
        else:
            pause_s = pause_before_retry(problem.delivery_state, problem.wait_ms, left_s)
            if pause_s is None:
                raise
            sleep(pause_s)
    return send(credentials)


def _is_expired(problem: UpstreamProblem) -> bool:
    upstream = problem.upstream
    return isinstance(problem, UpstreamDenied) and upstream is not None and upstream.code == _TOKEN_EXPIRED


def _changed(credentials: Credentials, read: Callable[[], Credentials]) -> Credentials | None:
    try:
        renewed = read()
    except ConfigurationError:
        return None
    return renewed if renewed != credentials else None
