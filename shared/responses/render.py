"""Turns an outcome into a response: with status codes, always 200, or as the result of a direct invocation."""

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from shared.invocation import Invocation
from shared.outcome import Outcome, Success
from shared.problems import TYPE_BASE, Problem
from shared.runtime.event import Response

RETRY_AFTER = "Retry-After"
REPLAYED = "Idempotency-Replayed"
_OK = 200


class UpstreamBody(TypedDict):
    """How CCC named its answer; both are for the operator and for Alibaba Cloud's support."""

    code: Annotated[str | None, Field(description="CCC's code; null if there is none.")]
    request_id: Annotated[str | None, Field(description="CCC's request id; null if there is none.")]


class FieldErrorBody(TypedDict):
    """What is wrong with one parameter; its value is never repeated."""

    field: Annotated[str, Field(description="The parameter in snake_case, or `payload`.")]
    reason: Annotated[str, Field(description="What is wrong with it, in a few words.")]


class ProblemBody(TypedDict):
    """An answer that is not a success (RFC 9457): branch on `code`, send again only if `retryable`."""

    type: Annotated[str, Field(description="An identifier that ends in the code; not a link.")]
    title: Annotated[str, Field(description="The code in words.")]
    status: Annotated[int, Field(description="The HTTP status.")]
    detail: Annotated[str, Field(description="What happened and what to do, in a sentence or two.")]
    code: Annotated[str, Field(description="What happened, for a machine to branch on.")]
    retryable: Annotated[bool, Field(description="Whether sending the same request again can help.")]
    request_id: Annotated[str | None, Field(description="The platform's id of this request: give it to the operator.")]
    upstream: NotRequired[Annotated[UpstreamBody, Field(description="What CCC answered, if it did.")]]
    errors: NotRequired[
        Annotated[
            list[FieldErrorBody], Field(description="The invalid parameters, if the problem is about parameters.")
        ]
    ]


def render(outcome: Outcome, invocation: Invocation) -> Response:
    """Return the outcome in the form that its caller reads; a handshake's answer is the sender's own."""
    if isinstance(outcome, Success) and outcome.response:
        return outcome.response
    if invocation.request.direct:
        form = render_direct
    elif invocation.caller and invocation.caller.response == "always-200":
        form = always_200
    else:
        form = with_status_codes
    return form(outcome, invocation.request_id, replayed=invocation.replayed)


def with_status_codes(outcome: Outcome, request_id: str | None, *, replayed: bool = False) -> Response:
    """Return the outcome with its HTTP status; a problem in the form of RFC 9457.

    Args:
        outcome: a success or a problem.
        request_id: the platform's id of this request.
        replayed: whether it is that of an earlier request.
    """
    if not isinstance(outcome, Problem):
        return Response(_OK, _fields(outcome, replayed=replayed), _replayed(replayed))
    body: ProblemBody = {
        "type": f"{TYPE_BASE}{outcome.code}",
        "title": outcome.title,
        "status": outcome.status,
        "detail": outcome.detail,
        "code": outcome.code,
        "retryable": outcome.retryable,
        "request_id": request_id,
    }
    if outcome.upstream and any(outcome.upstream):
        body["upstream"] = {"code": outcome.upstream.code, "request_id": outcome.upstream.request_id}
    if outcome.errors:
        body["errors"] = [{"field": error.field, "reason": error.reason} for error in outcome.errors]
    return Response(outcome.status, body, outcome.headers | _replayed(replayed), "application/problem+json")


def render_direct(outcome: Outcome, request_id: str | None, *, replayed: bool = False) -> Response:
    """Return the outcome for a direct invocation: a flat object of strings, which has neither status nor headers."""
    return Response(_OK, flat(outcome, request_id, replayed=replayed))


def always_200(outcome: Outcome, request_id: str | None, *, replayed: bool = False) -> Response:
    """Return the outcome for a flow that branches on a field: status 200, and a flat object of strings."""
    headers = outcome.headers if isinstance(outcome, Problem) else {}
    kept = {name: value for name, value in headers.items() if name == RETRY_AFTER}
    return Response(_OK, flat(outcome, request_id, replayed=replayed), kept | _replayed(replayed))


def _fields(outcome: Success, *, replayed: bool) -> dict[str, Any]:
    return outcome.fields | {"replayed": replayed} if "replayed" in outcome.fields else outcome.fields


def _replayed(replayed: bool) -> dict[str, str]:  # noqa: FBT001 - named by its callers
    return {REPLAYED: "true"} if replayed else {}


def flat(outcome: Outcome, request_id: str | None, *, replayed: bool = False) -> dict[str, str]:
    """Return the outcome as a flat object of strings: `null` as the empty one, booleans as `true` and `false`."""
    fields: dict[str, Any]
    if isinstance(outcome, Problem):
        fields = {
            "status": "error",
            "code": outcome.code,
            "retryable": outcome.retryable,
            "request_id": request_id,
        }
        if outcome.errors:
            fields["errors"] = "; ".join(f"{error.field}: {error.reason}" for error in outcome.errors)
    else:
        fields = _fields(outcome, replayed=replayed)
    return {name: _string(value) for name, value in fields.items()}


def _string(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
