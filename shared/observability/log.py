"""The log line: one JSON object per invocation, for operators.

A caller can ask the platform for the last lines of the log of its own request (`X-Fc-Log-Type: Tail`): what stands here
must be fit for the caller's eyes, and so holds no value of the request but the ids of its trace.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TextIO

from shared.action import Action
from shared.callers.file import Caller
from shared.observability.trace_context import traceparent_of
from shared.outcome import Outcome
from shared.payload.parameters import CallParameters
from shared.problems import ConfigurationError, Problem, Upstream
from shared.runtime.event import Request
from shared.settings import Settings

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_SERVER_ERROR = 500
# Without a letter it may be a phone number, and a channel of CCC has one in it.
_ID = re.compile(r"(?=.*[A-Za-z])(?!ch-[a-z]+-[0-9])[A-Za-z0-9_-]{1,256}")


# Until the event is read, it is taken for a direct invocation: that answer needs no envelope.
_UNREAD = Request(direct=True)


@dataclass
class Trace:
    """What one invocation has come to know, for the form of its answer and for its log line."""

    action: Action
    request_id: str | None
    cold_start: bool
    started: float = field(default_factory=time.monotonic)
    request: Request = _UNREAD
    caller_name: str | None = None
    caller: Caller | None = None
    log_level: str = "INFO"
    # Once they hold.
    parameters: CallParameters | None = field(default=None, repr=False)
    attempts: int = 0
    upstream_ms: float | None = None
    # Whether the outcome is that of an earlier request, and what the store failed to do after it had ended.
    replayed: bool = False
    store_fault: str | None = None
    # What a dead letter is made of, and what it must not hold.
    settings: Settings | None = field(default=None, repr=False)
    body: bytes = field(default=b"", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    # What each step has found, for whoever explains a request (`local.explain`); the log holds nothing of it.
    steps: list[tuple[str, object]] = field(default_factory=list, repr=False)

    def passed(self, step: str, found: object = None) -> None:
        """Note that a step of the road was passed, and what it found."""
        self.steps.append((step, found))

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Count and time one call of CCC."""
        self.attempts += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self.upstream_ms = round((self.upstream_ms or 0) + _ms_since(began), 1)


def webhook_line(trace: Trace, outcome: Outcome, status: int | None, now: float) -> dict[str, Any]:
    """Return the fields of an invocation's line.

    Args:
        trace: what is known of the invocation.
        outcome: the success or the problem.
        status: of the HTTP answer; `None` for direct invocation.
        now: seconds since the epoch.
    """
    if isinstance(outcome, Problem):
        upstream = outcome.upstream or Upstream()
        level = "ERROR" if outcome.status >= _SERVER_ERROR or outcome.needs_operator else "WARNING"
        code, retryable, reason = outcome.code, outcome.retryable, outcome.reason
    else:
        level, upstream = ("WARNING" if trace.store_fault else "INFO"), outcome.upstream
        code, retryable, reason = outcome.code, False, None
    return {
        "timestamp": timestamp(now),
        "level": level,
        "event": "webhook",
        "action": trace.action.name,
        "request_id": trace.request_id,
        "traceparent": traceparent_of(trace.request.headers),
        "caller": trace.caller_name,
        "code": code,
        "status": status,
        "retryable": retryable,
        "instance_id": _id(getattr(trace.parameters, "instance_id", None)),
        "job_id": _id(getattr(trace.parameters, "job_id", None)),
        "upstream_code": upstream.code,
        "upstream_request_id": upstream.request_id,
        "attempts": trace.attempts,
        "upstream_ms": trace.upstream_ms,
        "duration_ms": _ms_since(trace.started),
        "cold_start": trace.cold_start,
        "replayed": trace.replayed,
        "reason": "; ".join(filter(None, (reason, trace.store_fault))) or None,
    }


def initialize_line(
    action: Action, request_id: str | None, faults: Sequence[str], now: float, hints: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the fields of the line that an instance's start leaves if something is to be said of its configuration.

    Args:
        action: the function's.
        request_id: of the start.
        faults: what stops somebody.
        now: seconds since the epoch.
        hints: what stops nobody; alone they have no code, and are of level WARNING.
    """
    return {
        "timestamp": timestamp(now),
        "level": "ERROR" if faults else "WARNING",
        "event": "initialize",
        "action": action.name,
        "request_id": request_id,
        "code": ConfigurationError.code if faults else None,
        "reason": "; ".join((*faults, *hints)),
    }


def dead_letter_line(trace: Trace, problem: Problem, reason: str, now: float) -> dict[str, Any]:
    """Return the fields of the line that a failed request leaves if it should have been kept and was not.

    Args:
        trace: what is known of the invocation.
        problem: how the request ended.
        reason: why it was not kept.
        now: seconds since the epoch.
    """
    return {
        "timestamp": timestamp(now),
        "level": "ERROR",
        "event": "dead_letter",
        "action": trace.action.name,
        "request_id": trace.request_id,
        "caller": trace.caller_name,
        "code": problem.code,
        "reason": reason,
    }


def write(fields: dict[str, Any], threshold: str, stream: TextIO | None = None) -> None:
    """Write one line to stdout, which the platform collects, or to another stream, unless its `level` is too low.

    A threshold that is none counts as INFO: the line that says so is to be read.
    A log that cannot be written must not take the answer with it.
    """
    stream = sys.stdout if stream is None else stream
    if stream is None or LEVELS[fields["level"]] < LEVELS.get(threshold.upper(), LEVELS["INFO"]):
        return
    with contextlib.suppress(OSError, ValueError, MemoryError):
        # One write, so that lines of requests that run side by side do not mix; ASCII, whatever stdout's encoding is.
        stream.write(json.dumps(fields) + "\n")
        stream.flush()


def timestamp(now: float) -> str:
    """Return a time, in seconds since the epoch, as lines and letters have it: ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(value: str | None) -> str | None:
    """Return what names an instance or a call, `None` for what may be something else: a phone number, a name."""
    return value if value and _ID.fullmatch(value) else None


def _ms_since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
