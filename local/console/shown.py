"""The parts of a delivery that may be shown: the log line, and the answer without values of the request (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.console.deliveries import Delivery
from local.explain.masking import MASK
from local.gateway.errors import GATEWAY_ERROR
from local.gateway.message import Request
from local.gateway.trigger import invoked_function
from local.http import Answer
from local.send.wire import object_in

# The function's own words, and what CCC says of the call; `Code` is the platform's.
_SHOWN = (
    *("status", "muted", "call_type", "channel_state", "user_state", "title", "detail", "code", "retryable"),
    *("request_id", "upstream", "errors", "replayed", "Code"),
)
# Of a success: what the request asked for.
_ECHOED = ("instance_id", "job_id", "user_id")
_HEADERS = ("content-type", "retry-after", "idempotency-replayed", "allow", "www-authenticate", "x-fc-error-type")


def row(delivery: Delivery, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the list shows of a delivery.

    Args:
        delivery: one.
        lines: of the log, for its request.
    """
    line = webhook_line(lines)
    direct = is_direct(delivery.request)
    return {
        "number": delivery.number,
        "time": delivery.request.received.isoformat(timespec="milliseconds"),
        "direct": direct,
        "caller": line.get("caller"),
        "code": line.get("code") or code_of(delivery.answer),
        # InvokeFunction has a status of its own, which says nothing of the outcome.
        "status": None if direct else delivery.answer.status,
        "ms": round(delivery.ms, 1),
        "attempts": line.get("attempts", 0),
        "replayed": line.get("replayed", False),
        "failed": is_failure(delivery.answer, line),
    }


def webhook_line(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the line that tells a request's outcome, an empty one where there is none."""
    return next((line for line in lines if line.get("event") == "webhook"), {})


def answer(sent: Answer) -> dict[str, Any]:
    """Return what is shown of an answer: status, some headers, some fields of the body."""
    body = object_in(sent.body)
    shown = {name: body[name] for name in _SHOWN if name in body}
    return {
        "status": sent.status,
        "headers": {name: value for name, value in sent.headers.items() if name.lower() in _HEADERS},
        "body": shown | {name: MASK for name in _ECHOED if name in body},
    }


def code_of(sent: Answer) -> str | None:
    """Return the code that an answer tells: the function's, the platform's, or none."""
    body = object_in(sent.body)
    # A page (healthz) has a status that is no code.
    found = body.get("code") or body.get("Code") or (body.get("status") if "request_id" in body else None)
    return found if isinstance(found, str) else None


def is_failure(sent: Answer, line: Mapping[str, Any]) -> bool:
    """Whether a delivery did not end as its sender wanted, whatever its status says."""
    if line:
        return bool(line["level"] != "INFO")
    # With status 200 only the body tells: a flat failure, or the problem behind a direct invocation.
    status = object_in(sent.body).get("status")
    return status == "error" or _is_error(status) or _is_error(sent.status) or "X-Fc-Error-Type" in sent.headers


def is_direct(request: Request) -> bool:
    """Whether it is a direct invocation."""
    return invoked_function(request) is not None


def met_the_function(sent: Answer) -> bool:
    """Whether the function has seen the request, and not only the platform before it."""
    return sent.headers.get("X-Fc-Error-Type") != GATEWAY_ERROR


def _is_error(status: object) -> bool:
    return isinstance(status, int) and status >= 400  # noqa: PLR2004 - where HTTP's errors begin
