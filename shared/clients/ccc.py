"""Calls the Cloud Call Center API, and translates its answers to codes. Nothing else does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.action import Action
from shared.clients import rpc, transport
from shared.clients.retry import delivery_state_of
from shared.problems import (
    ChannelNotFound,
    InstanceNotFound,
    InternalError,
    InvalidState,
    JobNotFound,
    Throttled,
    Upstream,
    UpstreamDenied,
    UpstreamInvalidResponse,
    UpstreamProblem,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnlisted,
    UserNotFound,
)
from shared.runtime.context import Credentials
from shared.settings import Settings

_OK = "OK"
_HTTP_OK = 200
_HTTP_REDIRECT = range(300, 400)
_HTTP_SERVER_ERROR = 500
_MAX_WAIT_MS = 3_600_000

# CCC's `Code`, as a pattern for the whole of it, and its problem; the HTTP status does not matter. Sources: API
# reference of MuteCall (2020-07-01), common error codes of CCC, error codes of the OpenAPI gateway. The first match
# counts. Without one the HTTP status decides; what is then no failure of CCC's own is for an operator to look at.
CODES: tuple[tuple[str, type[UpstreamProblem]], ...] = (
    (r"NotExists\.JobId", JobNotFound),
    (r"NotExists\.InstanceId", InstanceNotFound),
    (r"NotExists\.ChannelId", ChannelNotFound),
    (r"NotExists\.UserId", UserNotFound),
    # About the call or its parameters: the same request would be answered so again.
    (r"(NotExists|Parameter|AlreadyExists)\..+|Missing(?!AccessKeyId|SecurityToken)[A-Z].*", UpstreamRejected),
    (r"InvalidOperation\..+", InvalidState),
    (r"Throttling.*", Throttled),
    # The instance is suspended, has ceased, or is being created: nothing that a request could change.
    (r"InternalService\..+|InternalError|ServiceUnavailable|AbnormalService\..+", UpstreamUnavailable),
    (r"(NoPermission|Forbidden)(\..+)?|(Permission|Authentication)\..+", UpstreamDenied),
    (r"InvalidAccessKeyId(\..+)?|MissingAccessKeyId", UpstreamDenied),
    (r"InvalidSecurityToken(\..+)?|MissingSecurityToken", UpstreamDenied),
    (r"SignatureDoesNotMatch|SignatureNonceUsed|IncompleteSignature|InvalidTimeStamp\..+", UpstreamDenied),
)


def call(
    action: Action, parameters: Mapping[str, str], credentials: Credentials, settings: Settings, deadline: float
) -> dict[str, Any]:
    """Call the action once and return CCC's answer: a JSON object whose `Code` is `OK`.

    Nothing holds the caller beyond the deadline, and nothing is sent after it.

    Args:
        action: which action.
        parameters: as CCC names them.
        credentials: of this very invocation.
        settings: endpoint and timeouts.
        deadline: by `time.monotonic()`.

    Raises:
        UpstreamProblem: every other outcome; `UpstreamUnavailable` only if it was certainly not carried out or CCC
            says that it failed, `UpstreamTimeout` and `UpstreamInvalidResponse` if that is unknown.
    """
    operation = rpc.Operation(action.name, action.version)
    service = rpc.Service(settings.ccc_endpoint, settings.ccc_connect_timeout_ms, settings.ccc_read_timeout_ms)
    try:
        answer = rpc.call(operation, parameters, credentials, service, deadline)
    except transport.NotSentError as error:
        raise _failure(UpstreamUnavailable, f"nothing was sent: {error}", sent=False) from None
    except transport.LostError as error:
        raise _failure(UpstreamTimeout, f"no complete answer: {error}", sent=True) from None
    except transport.UnreadableError as error:
        raise _failure(UpstreamInvalidResponse, f"unreadable answer: {error}", sent=True) from None
    except rpc.SdkError as error:
        raise InternalError(f"the SDK failed: {error}") from None
    return _accept(answer)


def _accept(answer: rpc.Answer) -> dict[str, Any]:
    """Return the body of an answer if it is a success; HTTP 200 is not enough."""
    status, body, _ = answer
    if answer.refused:
        raise _problem(answer)
    if status in _HTTP_REDIRECT or not isinstance(body, dict) or not isinstance(body.get("Code"), str):
        raise UpstreamInvalidResponse(f"CCC answered HTTP {status} without a code", upstream=Upstream.read(body))
    if body["Code"] != _OK:
        raise _problem(answer)
    if status != _HTTP_OK:
        raise UpstreamInvalidResponse(f"CCC answered OK with HTTP {status}", upstream=Upstream.read(body))
    return body


def _problem(answer: rpc.Answer) -> UpstreamProblem:
    """Return the problem for a readable refusal."""
    status, body, wait_ms = answer
    upstream = Upstream.read(body)
    by_status: type[UpstreamProblem] = UpstreamUnavailable if status >= _HTTP_SERVER_ERROR else UpstreamUnlisted
    if status == Throttled.status:
        by_status = Throttled
    matches = (kind for pattern, kind in CODES if re.fullmatch(pattern, upstream.code or ""))
    kind = next(matches, by_status)
    reason = f"CCC answered {upstream.code or 'no code'} with HTTP {status}"
    delivery_state = delivery_state_of(kind, sent=True, status=status)
    # The header may have any number of digits.
    return kind(
        reason,
        upstream=upstream,
        delivery_state=delivery_state,
        wait_ms=min(wait_ms, _MAX_WAIT_MS) if wait_ms else None,
    )


def _failure(kind: type[UpstreamProblem], reason: str, *, sent: bool) -> UpstreamProblem:
    return kind(reason, delivery_state=delivery_state_of(kind, sent=sent, status=None))
