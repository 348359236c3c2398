"""How an outcome is told: as HTTP with status codes, as HTTP that is always 200, or as a direct invocation's result."""

from __future__ import annotations

from typing import Any

from shared.envelope import Response
from shared.problems import TYPE_BASE, Problem
from shared.status import Success

RETRY_AFTER = "Retry-After"
_OK = 200


def with_status_codes(outcome: Success | Problem, request_id: str | None) -> Response:
    """Return the outcome with an HTTP status of its own; a problem as RFC 9457 has it.

    Args:
        outcome: a success or a problem.
        request_id: the platform's id of this request.
    """
    if not isinstance(outcome, Problem):
        return Response(_OK, outcome.fields)
    body: dict[str, Any] = {
        "type": f"{TYPE_BASE}{outcome.code}",
        "title": outcome.title,
        "status": outcome.status,
        "detail": outcome.detail,
        "code": outcome.code,
        "retryable": outcome.retryable,
        "request_id": request_id,
    }
    if outcome.upstream and any(outcome.upstream):
        body["upstream"] = outcome.upstream._asdict()
    if outcome.errors:
        body["errors"] = [error._asdict() for error in outcome.errors]
    return Response(outcome.status, body, outcome.headers, "application/problem+json")


def always_200(outcome: Success | Problem, request_id: str | None) -> Response:
    """Return the outcome for a flow that branches on a field: status 200, and a flat object of strings."""
    headers = outcome.headers if isinstance(outcome, Problem) else {}
    return Response(_OK, flat(outcome, request_id), {k: v for k, v in headers.items() if k == RETRY_AFTER})


def flat(outcome: Success | Problem, request_id: str | None) -> dict[str, str]:
    """Return the outcome as a flat object of strings: `null` as the empty one, booleans as `true` and `false`."""
    if isinstance(outcome, Problem):
        fields = {
            "status": "error",
            "code": outcome.code,
            "retryable": outcome.retryable,
            "request_id": request_id,
        }
    else:
        fields = outcome.fields
    return {name: _string(value) for name, value in fields.items()}


def _string(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
