"""The error tree: every answer that is not a success, one class per code.

Problem                        status  retryable
├── MalformedRequest              400  no   base64, encoding or syntax of the request
├── Unauthorized                  401  no   credential missing, malformed, wrong or stale; unknown caller
├── Forbidden                     403  no   instance or source network not on the caller's list
├── MethodNotAllowed              405  no   method not offered
├── InProgress                    409  yes  the same idempotency key is running now
├── PayloadTooLarge               413  no   body over the limit
├── UnsupportedMediaType          415  no   content type not offered
├── InvalidParameters             422  no   decoded, but against the rules for parameters
├── IdempotencyKeyReused          422  no   the same idempotency key with another payload
├── ConfigurationError            500  no   ours: variables, callers file, secrets, role
├── InternalError                 500  no   ours: a defect
├── IdempotencyUnavailable        503  yes  the store cannot be reached; nothing was sent
└── UpstreamProblem                         CCC's part; carries its code and request id
    ├── JobNotFound               404  no   the call does not exist
    ├── InstanceNotFound          404  no   the instance does not exist
    ├── ChannelNotFound           404  no   the channel is not in the call
    ├── UserNotFound              404  no   the agent does not exist
    ├── InvalidState              422  no   agent or channel is in another state
    ├── UpstreamRejected          422  no   any other refusal
    ├── Throttled                 429  yes  too many requests
    ├── UpstreamDenied            502  no   role, signature or token refused
    ├── UpstreamInvalidResponse   502  yes  an answer that cannot be read, or a redirect
    ├── UpstreamUnavailable       503  yes  CCC failed, or nothing was sent
    └── UpstreamTimeout           504  yes  sent, and the outcome is unknown
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

# An identifier, not a link (RFC 9457 §3.1.1); nobody can own a `.example` domain (RFC 2606).
TYPE_BASE = "https://mute-call.example/problems#"


# What became of a request to CCC; `shared.clients.retry.delivery_state_of` has the table.
DeliveryState = Literal["not_sent", "rejected", "answered", "unknown"]


class FieldError(NamedTuple):
    """What is wrong with one parameter, without its value."""

    field: str
    reason: str


# What codes and request ids of CCC look like; anything else in their place, a phone number for one, is not passed on.
_CODE = re.compile(r"(?!.*[0-9]{5})[A-Za-z][A-Za-z0-9._-]{0,127}")
_REQUEST_ID = re.compile(r"(?=.{3,64}$)(?=.*[A-Za-z])[0-9A-Za-z]+(-[0-9A-Za-z]+)+")


class Upstream(NamedTuple):
    """How CCC named its answer: its `Code` and its `RequestId`, `None` where it gave none."""

    code: str | None = None
    request_id: str | None = None

    @classmethod
    def read(cls, body: object) -> "Upstream":
        """Return the names in an answer's body, whichever way it spells them."""
        fields = body if isinstance(body, dict) else {}
        return cls(_matching(_CODE, fields, "Code", "code"), _matching(_REQUEST_ID, fields, "RequestId", "requestId"))


def _matching(pattern: re.Pattern[str], fields: Mapping[str, Any], *names: str) -> str | None:
    values = (fields.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and pattern.fullmatch(value)), None)


def seconds(milliseconds: int) -> int:
    """Return whole seconds for a `Retry-After`: rounded up."""
    return -(-milliseconds // 1000)


def _retry_after(after: int) -> dict[str, str]:
    return {"Retry-After": str(after)}


class Problem(Exception):  # noqa: N818 - the term of RFC 9457
    """An answer that is not a success.

    Attributes:
        code, status, retryable, title, detail: what the caller gets; fixed per class, `detail` may be
            overridden by a text that quotes no part of the request.
        needs_operator: whether its log line is an `ERROR` although its status is not 5xx.
        is_final: whether it is about the call itself, so that the same request would get it again and it is kept with
            the request's idempotency key.
        reason: which check failed, for the log line; no value of the request, no secret, no foreign text.
        headers: HTTP headers that belong to the answer (`Allow`, `Retry-After`, `WWW-Authenticate`).
        errors: the parameters concerned.
        upstream: CCC's code and request id.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    retryable: ClassVar[bool] = False
    is_final: ClassVar[bool] = False
    needs_operator: ClassVar[bool] = False
    title: ClassVar[str]
    detail: str

    def __init__(self, reason: str, *, detail: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail or type(self).detail
        self.headers = dict(headers or {})
        self.errors: tuple[FieldError, ...] = ()
        self.upstream: Upstream | None = None


class MalformedRequest(Problem):
    """The request cannot be decoded."""

    code = "malformed_request"
    status = 400
    title = "Malformed request"
    detail = "The request could not be decoded."

    def __init__(self, reason: str) -> None:
        super().__init__(reason, detail=f"The request could not be decoded: {reason}.")


class Unauthorized(Problem):
    """The credential is missing, malformed, wrong or stale, or nobody has the caller's name: one answer for all."""

    code = "unauthorized"
    status = 401
    title = "Unauthorized"
    detail = "The credential is missing or not accepted."

    def __init__(self, reason: str) -> None:
        # A constant: the scheme of a caller must not tell whether the caller exists.
        super().__init__(reason, headers={"WWW-Authenticate": 'Bearer realm="webhook"'})


class CredentialMismatch(Unauthorized):
    """The credential is well-formed, and of none of the secrets: one of them may have been rotated a moment ago."""


class CredentialUnchecked(Unauthorized):
    """Nothing accepts the request, and something could not be asked: a fault of ours, of which no stranger learns."""

    needs_operator = True


class Forbidden(Problem):
    """The caller is known and may not do this."""

    code = "forbidden"
    status = 403
    title = "Forbidden"
    detail = "This caller may not make this request."


class MethodNotAllowed(Problem):
    """The method is not allowed; `allowed` lists the allowed ones."""

    code = "method_not_allowed"
    status = 405
    title = "Method not allowed"
    detail = "The Allow header lists the methods that are accepted here."

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__("method not allowed", headers={"Allow": ", ".join(allowed)})


class PayloadTooLarge(Problem):
    """The body is over the limit."""

    code = "payload_too_large"
    status = 413
    title = "Payload too large"
    detail = "The body may have at most 262144 bytes."


class UnsupportedMediaType(Problem):
    """The body is neither JSON nor a form."""

    code = "unsupported_media_type"
    status = 415
    title = "Unsupported media type"
    detail = "Send application/json or application/x-www-form-urlencoded, in UTF-8 and uncompressed."


class InvalidParameters(Problem):
    """The payload was decoded and breaks the rules for parameters."""

    code = "invalid_parameters"
    status = 422
    title = "Invalid parameters"
    detail = "Some parameters are invalid; see errors."

    def __init__(self, errors: tuple[FieldError, ...], *, detail: str | None = None) -> None:
        super().__init__("; ".join(f"{error.field} {error.reason}" for error in errors), detail=detail)
        self.errors = errors


class InProgress(Problem):
    """Another invocation holds the claim on the same idempotency key; its lease ends after `left_ms`."""

    code = "in_progress"
    status = 409
    retryable = True
    title = "In progress"
    detail = "A request with the same idempotency key is running; send this one again to get its result."

    def __init__(self, reason: str, *, left_ms: int = 0) -> None:
        super().__init__(reason, headers=_retry_after(seconds(left_ms) or 1))


class IdempotencyKeyReused(Problem):
    """The key was used before, for another request."""

    code = "idempotency_key_reused"
    status = 422
    title = "Idempotency key reused"
    detail = "This idempotency key was used with other parameters or another action; use a new key for a new request."


class IdempotencyUnavailable(Problem):
    """The store of idempotency keys cannot be reached in time: without a claim nothing is sent."""

    code = "idempotency_unavailable"
    status = 503
    retryable = True
    title = "Idempotency store unavailable"
    detail = "It cannot be checked at the moment whether this request came before; nothing was sent to CCC."

    def __init__(self, reason: str) -> None:
        super().__init__(reason, headers=_retry_after(2))


class ConfigurationError(Problem):
    """The deployment is wrong.

    Attributes:
        reasons: everything that is wrong, for the operator; `reason` has them in one line.
    """

    code = "configuration_error"
    status = 500
    title = "Configuration error"
    detail = "The function is not configured correctly; the operator finds the cause in the log."

    def __init__(self, *reasons: str, detail: str | None = None) -> None:
        super().__init__("; ".join(reasons), detail=detail)
        self.args = self.reasons = reasons


class InternalError(Problem):
    """A defect of this function."""

    code = "internal_error"
    status = 500
    title = "Internal error"
    detail = "The function failed; the operator finds the cause in the log."

    @classmethod
    def at(cls, error: Exception) -> "InternalError":
        """Return the problem of an exception: its class and place, since its message may quote the request."""
        import traceback  # noqa: PLC0415 - a defect alone pays for it

        frame = traceback.extract_tb(error.__traceback__)[-1]
        return cls(f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}")


class UpstreamProblem(Problem):
    """CCC's part; raised only as one of its subclasses.

    Attributes:
        delivery_state: what became of the request (`shared.clients.retry.delivery_state_of`).
        wait_ms: how long CCC asks to wait, `None` where it does not say.
    """

    # Seconds until a resend makes sense, where the answer carries Retry-After; None where it does not.
    retry_after: ClassVar[int | None] = None

    def __init__(
        self,
        reason: str,
        *,
        detail: str | None = None,
        upstream: Upstream | None = None,
        delivery_state: DeliveryState = "unknown",
        wait_ms: int | None = None,
    ) -> None:
        after = self.retry_after and (seconds(wait_ms or 0) or self.retry_after)
        super().__init__(reason, detail=detail, headers=_retry_after(after) if after else None)
        self.upstream = upstream
        self.delivery_state = delivery_state
        self.wait_ms = wait_ms


class JobNotFound(UpstreamProblem):
    """`NotExists.JobId`."""

    code = "job_not_found"
    status = 404
    is_final = True
    title = "Call not found"
    detail = "CCC knows no call with this job_id; it may have ended."


class InstanceNotFound(UpstreamProblem):
    """`NotExists.InstanceId`."""

    code = "instance_not_found"
    status = 404
    is_final = True
    title = "Instance not found"
    detail = "CCC knows no instance with this instance_id in this region."


class ChannelNotFound(UpstreamProblem):
    """`NotExists.ChannelId`."""

    code = "channel_not_found"
    status = 404
    is_final = True
    title = "Channel not found"
    detail = "The call has no channel with this channel_id."


class UserNotFound(UpstreamProblem):
    """`NotExists.UserId`."""

    code = "user_not_found"
    status = 404
    is_final = True
    title = "User not found"
    detail = "The instance has no agent with this user_id."


class InvalidState(UpstreamProblem):
    """`InvalidOperation.*`."""

    code = "invalid_state"
    status = 422
    is_final = True
    title = "Not possible in this state"
    detail = "The agent is not talking in this call, or the channel is in another state."


class UpstreamRejected(UpstreamProblem):
    """A refusal of CCC for which there is no specific code."""

    code = "upstream_rejected"
    status = 422
    is_final = True
    title = "Rejected by CCC"
    detail = "CCC rejected the request; see upstream.code."


class UpstreamUnlisted(UpstreamRejected):
    """A refusal with a code that is in no table: whether it is about the call, nobody knows, and so it is not kept."""

    is_final = False
    needs_operator = True


class Throttled(UpstreamProblem):
    """`Throttling*`, or HTTP 429 with a code that is in no table."""

    code = "throttled"
    status = 429
    retryable = True
    retry_after = 1
    title = "Throttled"
    detail = "CCC accepts no more requests at the moment; nothing was changed."


class UpstreamDenied(UpstreamProblem):
    """CCC refused the function's role, signature or token."""

    code = "upstream_denied"
    status = 502
    title = "Denied by CCC"
    detail = "CCC refused the credentials of the function; the operator finds the cause in the log."


class UpstreamInvalidResponse(UpstreamProblem):
    """An answer of any status that cannot be read, or a redirect, which is never followed."""

    code = "upstream_invalid_response"
    status = 502
    retryable = True
    title = "Unreadable answer from CCC"
    detail = "CCC's answer could not be read; whether the request was carried out is unknown."


class UpstreamUnavailable(UpstreamProblem):
    """CCC failed readably, or the request never reached it."""

    code = "upstream_unavailable"
    status = 503
    retryable = True
    retry_after = 2
    title = "CCC unavailable"
    detail = "CCC could not be reached or could not serve the request."


class UpstreamTimeout(UpstreamProblem):
    """The request was sent and no complete answer came."""

    code = "upstream_timeout"
    status = 504
    retryable = True
    title = "No answer from CCC"
    detail = "The request was sent and no complete answer came in time; whether it was carried out is unknown."


def problem_types(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Yield every class of the tree that has a code: the table of answers."""
    for kind in base.__subclasses__():
        if "code" in vars(kind):
            yield kind
        yield from problem_types(kind)
