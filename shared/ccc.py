"""The call of the Cloud Call Center API: the door to the SDK, and the one place where its answers get their codes.

The generic client signs and builds the request (RPC style, signature V3, parameters in the query). Two things of it are
replaced: its transport, by `shared.transport`, which it would otherwise follow redirects and proxies with; and its log,
which quotes requests. Its exceptions quote them too, so that only class names and CCC's codes leave this module.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from shared import __version__, lean, transport
from shared.action import Action
from shared.context import Credentials
from shared.problems import (
    ChannelNotFound,
    InstanceNotFound,
    InternalError,
    InvalidState,
    JobNotFound,
    Problem,
    Throttled,
    Upstream,
    UpstreamDenied,
    UpstreamInvalidResponse,
    UpstreamProblem,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
    UserNotFound,
)
from shared.resend import fate_of
from shared.settings import Settings

with lean.without(*lean.SDK):
    from alibabacloud_tea_openapi.client import Client
    from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
    from darabonba.core import DaraCore
    from darabonba.exceptions import ResponseException, UnretryableException
    from darabonba.request import DaraRequest
    from darabonba.response import DaraResponse
    from darabonba.runtime import RuntimeOptions

_OK = "OK"
_HTTP_OK = 200
_HTTP_REDIRECT = range(300, 400)
_HTTP_SERVER_ERROR = 500
_MAX_WAIT_MS = 3_600_000
_DIGITS = re.compile(r"[0-9]{1,9}")

# CCC's `Code`, as a pattern for the whole of it, and the problem it stands for, whatever the HTTP status. Sources: API
# reference of MuteCall (2020-07-01), common error codes of CCC, error codes of the OpenAPI gateway. The first match
# counts; without one the HTTP status decides.
CODES: tuple[tuple[str, type[UpstreamProblem]], ...] = (
    (r"NotExists\.JobId", JobNotFound),
    (r"NotExists\.InstanceId", InstanceNotFound),
    (r"NotExists\.ChannelId", ChannelNotFound),
    (r"NotExists\.UserId", UserNotFound),
    (r"NotExists\..+", UpstreamRejected),
    (r"InvalidOperation\..+", InvalidState),
    (r"Throttling.*", Throttled),
    (r"InternalService\..+|InternalError|ServiceUnavailable", UpstreamUnavailable),
    (r"NoPermission|Forbidden(\..+)?|Permission\..+|Authentication\..+", UpstreamDenied),
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
    exchange = transport.Exchange(deadline)
    client, request = _client(credentials, settings), OpenApiRequest(query=dict(parameters))
    try:
        with exchange.current():
            return _accept(client.call_api(_params(action), request, _RUNTIME))
    except ResponseException as error:
        body = error.data if isinstance(error.data, dict) else {}
        raise _problem(error.status_code, body, error.retry_after) from None
    except UnretryableException as error:
        raise _without_answer(error.inner_exception, sent=exchange.sent) from None


class _Credential:
    """This invocation's credentials, with the names that the SDK reads: it needs no library of providers for them."""

    # As the SDK tells CCC where a given STS token comes from.
    type, provider_name = "sts", "static_sts"

    def __init__(self, credentials: Credentials) -> None:
        self.access_key_id = credentials.access_key_id
        self.access_key_secret = credentials.access_key_secret
        self.security_token = credentials.security_token

    def get_credential(self) -> _Credential:
        return self


def _client(credentials: Credentials, settings: Settings) -> Client:
    return Client(
        Config(
            credential=_Credential(credentials),
            endpoint=settings.endpoint,
            protocol=settings.ccc_protocol,
            connect_timeout=settings.ccc_connect_timeout_ms,
            read_timeout=settings.ccc_read_timeout_ms,
            user_agent=f"mute-call/{__version__}",
        )
    )


def _params(action: Action) -> Params:
    # As the product SDK (alibabacloud_ccc20200701 2.35.0) calls every action.
    return Params(
        action=action.name,
        version=action.version,
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )


def _accept(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of an answer that the SDK took for a success, if it is one: HTTP 200 alone says nothing."""
    status, body = answer["statusCode"], answer["body"]
    if status in _HTTP_REDIRECT or not isinstance(body, dict) or not isinstance(body.get("Code"), str):
        raise UpstreamInvalidResponse(f"CCC answered HTTP {status} without a code", upstream=Upstream.read(body))
    if body["Code"] != _OK:
        raise _problem(status, body, _wait_ms(answer["headers"]))
    if status != _HTTP_OK:
        raise UpstreamInvalidResponse(f"CCC answered OK with HTTP {status}", upstream=Upstream.read(body))
    return body


def _wait_ms(headers: Mapping[str, str]) -> int | None:
    """Return the wait that a refusal with HTTP 200 asks for; with any other status the SDK reads it."""
    digits = headers.get("x-acs-retry-after", "")
    return int(digits) if _DIGITS.fullmatch(digits) else None


def _problem(status: int, body: Mapping[str, Any], wait_ms: int | None) -> UpstreamProblem:
    """Return what a readable refusal stands for."""
    upstream = Upstream.read(body)
    by_status = UpstreamUnavailable if status >= _HTTP_SERVER_ERROR else UpstreamRejected
    matches = (kind for pattern, kind in CODES if re.fullmatch(pattern, upstream.code or ""))
    kind = next(matches, by_status)
    reason = f"CCC answered {upstream.code or 'no code'} with HTTP {status}"
    fate = fate_of(kind, sent=True, status=status)
    # The header may hold any number of digits.
    return kind(reason, upstream=upstream, fate=fate, wait_ms=min(wait_ms, _MAX_WAIT_MS) if wait_ms else None)


def _without_answer(cause: object, *, sent: bool) -> Problem:
    """Return what the lack of a readable answer stands for."""
    name = str(cause) if isinstance(cause, transport.TransportError) else type(cause).__name__
    if isinstance(cause, transport.NotSentError):
        return _failure(UpstreamUnavailable, f"nothing was sent: {name}", sent=False)
    if isinstance(cause, transport.LostError):
        return _failure(UpstreamTimeout, f"no whole answer: {name}", sent=True)
    # What is left is the SDK's failure to read an answer (RuntimeError, UnicodeDecodeError, AttributeError, …).
    if sent:
        return _failure(UpstreamInvalidResponse, f"unreadable answer: {name}", sent=True)
    return InternalError(f"the SDK failed: {name}")


def _failure(kind: type[UpstreamProblem], reason: str, *, sent: bool) -> UpstreamProblem:
    return kind(reason, fate=fate_of(kind, sent=sent, status=None))


def _do_action(request: DaraRequest, runtime_option: Mapping[str, Any]) -> DaraResponse:
    """Stand in for the SDK's transport."""
    answer = transport.send(
        request.method,
        DaraCore.compose_url(request),
        request.headers,
        request.body,
        connect_s=runtime_option["connectTimeout"] / 1000,
        read_s=runtime_option["readTimeout"] / 1000,
    )
    response = DaraResponse()
    response.status_code, response.status_message, response.headers, response.body = answer
    return response


def _silence(logger: logging.Logger) -> None:
    logger.handlers.clear()
    logger.setLevel(logging.CRITICAL + 1)


# The SDK offers no other way to set its transport; both names are public. One process runs one function.
DaraCore.do_action = staticmethod(_do_action)
# The import gave its loggers handlers that print requests to stderr.
_silence(logging.getLogger("darabonba-core"))
_silence(logging.getLogger("alibabacloud-tea"))
_RUNTIME = RuntimeOptions()
