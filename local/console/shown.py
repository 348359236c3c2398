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

# Fields of the function's answers, and of CCC's answer in them. `Code` is the platform's.
_SHOWN = (
    *("status", "muted", "call_type", "channel_state", "user_state", "title", "detail", "code", "retryable"),
    *("request_id", "upstream", "errors", "replayed", "Code"),
)
# Fields of a success that repeat values of the request.
_ECHOED = ("instance_id", "job_id", "user_id")
_HEADERS = ("content-type", "retry-after", "idempotency-replayed", "allow", "www-authenticate", "x-fc-error-type")


def row(delivery: Delivery, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the list shows of a delivery.

    Args:
        delivery: the delivery.
        lines: the log lines of its request.
    """
    line = webhook_line(lines)
    direct = is_direct(delivery.request)
    return {
        "number": delivery.number,
        "time": delivery.request.received.isoformat(timespec="milliseconds"),
        "direct": direct,
        "caller": line.get("caller"),
        "code": line.get("code") or code_of(delivery.answer),
        # The status is that of InvokeFunction, which does not depend on the outcome.
        "status": None if direct else delivery.answer.status,
        "ms": round(delivery.ms, 1),
        "attempts": line.get("attempts", 0),
        "replayed": line.get("replayed", False),
        "failed": is_failure(delivery.answer, line),
    }


def webhook_line(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the log line with a request's outcome, an empty one if there is none."""
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
    """Return the code in an answer, of the function or the platform; `None` if it has none."""
    body = object_in(sent.body)
    # The status of a page (healthz) is not a code.
    found = body.get("code") or body.get("Code") or (body.get("status") if "request_id" in body else None)
    return found if isinstance(found, str) else None


def is_failure(sent: Answer, line: Mapping[str, Any]) -> bool:
    """Whether a delivery failed. Its status may be 200 all the same."""
    if line:
        return bool(line["level"] != "INFO")
    # With status 200 the body decides: a flat failure, or the problem of a direct invocation.
    status = object_in(sent.body).get("status")
    return status == "error" or _is_error(status) or _is_error(sent.status) or "X-Fc-Error-Type" in sent.headers


def is_direct(request: Request) -> bool:
    """Whether a request is a direct invocation."""
    return invoked_function(request) is not None


def met_the_function(sent: Answer) -> bool:
    """Whether the function got the request; otherwise the platform answered in its place."""
    return sent.headers.get("X-Fc-Error-Type") != GATEWAY_ERROR


def _is_error(status: object) -> bool:
    return isinstance(status, int) and status >= 400  # noqa: PLR2004 - the first error status of HTTP
