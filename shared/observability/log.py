"""The log line: one JSON object per invocation, for operators.

A caller can ask the platform for the last lines of the log of its own request (`X-Fc-Log-Type: Tail`). So a line must
be safe for the caller to read, and contains no value of the request except the ids of its trace.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, TextIO

from shared.action import Action
from shared.invocation import Invocation, ms_since
from shared.observability.trace_context import traceparent_of
from shared.outcome import Outcome
from shared.problems import ConfigurationError, Problem, Upstream

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_SERVER_ERROR = 500
# Without a letter it may be a phone number, and a channel of CCC has one in it.
_ID = re.compile(r"(?=.*[A-Za-z])(?!ch-[a-z]+-[0-9])[A-Za-z0-9_-]{1,256}")


def webhook_line(invocation: Invocation, outcome: Outcome, status: int, now: float) -> dict[str, Any]:
    """Return the fields of an invocation's line.

    Args:
        invocation: what is known of the invocation.
        outcome: the success or the problem.
        status: of the HTTP answer; a direct invocation's line has none.
        now: seconds since the epoch.
    """
    if isinstance(outcome, Problem):
        upstream = outcome.upstream or Upstream()
        level = "ERROR" if outcome.status >= _SERVER_ERROR or outcome.needs_operator else "WARNING"
        code, retryable, reason = outcome.code, outcome.retryable, outcome.reason
    else:
        level, upstream = ("WARNING" if invocation.store_fault else "INFO"), outcome.upstream
        code, retryable, reason = outcome.code, False, None
    return {
        "timestamp": timestamp(now),
        "level": level,
        "event": "webhook",
        "action": invocation.action.name,
        "request_id": invocation.request_id,
        "traceparent": traceparent_of(invocation.request.headers),
        "caller": invocation.caller_name,
        "code": code,
        "status": None if invocation.request.direct else status,
        "retryable": retryable,
        "instance_id": _id(getattr(invocation.parameters, "instance_id", None)),
        "job_id": _id(getattr(invocation.parameters, "job_id", None)),
        "upstream_code": upstream.code,
        "upstream_request_id": upstream.request_id,
        "attempts": invocation.attempts,
        "upstream_ms": invocation.upstream_ms,
        "duration_ms": ms_since(invocation.started),
        "cold_start": invocation.cold_start,
        "replayed": invocation.replayed,
        "reason": "; ".join(filter(None, (reason, invocation.store_fault))) or None,
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


def dead_letter_line(invocation: Invocation, problem: Problem, reason: str, now: float) -> dict[str, Any]:
    """Return the fields of the line that a failed request leaves if it should have been kept and was not.

    Args:
        invocation: what is known of the invocation.
        problem: how the request ended.
        reason: why it was not kept.
        now: seconds since the epoch.
    """
    return {
        "timestamp": timestamp(now),
        "level": "ERROR",
        "event": "dead_letter",
        "action": invocation.action.name,
        "request_id": invocation.request_id,
        "caller": invocation.caller_name,
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
        # One write, so lines of concurrent requests do not mix; ASCII, because stdout may have any encoding.
        stream.write(json.dumps(fields) + "\n")
        stream.flush()


def timestamp(now: float) -> str:
    """Return a time (seconds since the epoch) for log lines and dead letters: ISO 8601 in UTC, in milliseconds."""
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(value: str | None) -> str | None:
    """Return what names an instance or a call, `None` for what may be something else: a phone number, a name."""
    return value if value and _ID.fullmatch(value) else None
