"""One call of an Alibaba Cloud API in RPC style: the door to the SDK.

The generic client signs and builds the request (signature V3, parameters in the query). Two things of it are replaced:
its transport, by `shared.clients.transport`, which it would otherwise follow redirects and proxies with; and its log,
which quotes requests, by a stand-in. Its exceptions quote them too, so that only class names and the parts of an answer
leave this module.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared import __version__
from shared.clients import import_stubs, transport
from shared.runtime.context import Credentials

with import_stubs.without(*import_stubs.SDK):
    from alibabacloud_tea_openapi.client import Client
    from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
    from darabonba.core import DaraCore
    from darabonba.exceptions import ResponseException, UnretryableException
    from darabonba.request import DaraRequest
    from darabonba.response import DaraResponse
    from darabonba.runtime import RuntimeOptions

_HTTP_ERROR = 400
_DIGITS = re.compile(r"[0-9]{1,9}")


class Service(NamedTuple):
    """Where an API is, and for how long it is waited for.

    Attributes:
        address: `https://host[:port]`, or `http://` on this machine; without a path.
        connect_ms: time to connect.
        read_ms: time between two parts of an answer.
    """

    address: str
    connect_ms: int
    read_ms: int


class Operation(NamedTuple):
    """What is called: the action and the version of its API."""

    action: str
    version: str


class Answer(NamedTuple):
    """A readable answer.

    Attributes:
        status: of HTTP.
        body: decoded JSON; an object if `refused`.
        wait_ms: what the header `x-acs-retry-after` asks for, `None` without it.
    """

    status: int
    body: Any
    wait_ms: int | None

    @property
    def refused(self) -> bool:
        """Whether HTTP says so; what the body says is each API's own."""
        return self.status >= _HTTP_ERROR


class SdkError(Exception):
    """The SDK failed before anything was sent; the text is the name of the cause."""


def call(
    operation: Operation,
    parameters: Mapping[str, str],
    credentials: Credentials,
    service: Service,
    deadline: float,
) -> Answer:
    """Call an operation once and return its answer, whether it is a success or not.

    Nothing holds the caller beyond the deadline, and nothing is sent after it.

    Args:
        operation: which one.
        parameters: as the API names them.
        credentials: of this very invocation.
        service: which API, and where.
        deadline: by `time.monotonic()`.

    Raises:
        transport.NotSentError: nothing was sent.
        transport.LostError: sent, and no complete answer came: outcome unknown.
        transport.UnreadableError: an answer came that cannot be read.
        SdkError: a defect; nothing was sent.
    """
    exchange = transport.Exchange(deadline)
    try:
        client, request = _client(credentials, service), OpenApiRequest(query=dict(parameters))
        with exchange.current():
            answer = client.call_api(_params(operation), request, _RUNTIME)
    except ResponseException as error:
        return Answer(error.status_code, error.data if isinstance(error.data, dict) else {}, error.retry_after)
    except UnretryableException as error:
        raise _without_answer(error.inner_exception, sent=exchange.sent) from None
    except Exception as error:  # noqa: BLE001 - with no memory free, the SDK's own handling of errors may fail
        raise _without_answer(error, sent=exchange.sent) from None
    return Answer(answer["statusCode"], answer["body"], _wait_ms(answer["headers"]))


class _Credential:
    """This invocation's credentials, with the names that the SDK reads: it needs no library of providers for them."""

    # As the SDK tells the API where a given STS token comes from.
    type, provider_name = "sts", "static_sts"

    def __init__(self, credentials: Credentials) -> None:
        self.access_key_id = credentials.access_key_id
        self.access_key_secret = credentials.access_key_secret
        self.security_token = credentials.security_token

    def get_credential(self) -> "_Credential":
        return self


def _client(credentials: Credentials, service: Service) -> Client:
    protocol, _, endpoint = service.address.partition("://")
    return Client(
        Config(
            credential=_Credential(credentials),
            endpoint=endpoint,
            protocol=protocol,
            connect_timeout=service.connect_ms,
            read_timeout=service.read_ms,
            user_agent=f"mute-call/{__version__}",
        )
    )


def _params(operation: Operation) -> Params:
    # As the product SDKs (alibabacloud_ccc20200701 2.35.0 for one) call every action.
    return Params(
        action=operation.action,
        version=operation.version,
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )


def _wait_ms(headers: Mapping[str, str]) -> int | None:
    """Return the wait that a refusal with HTTP 200 asks for; with any other status the SDK reads it."""
    digits = headers.get("x-acs-retry-after", "")
    return int(digits) if _DIGITS.fullmatch(digits) else None


def _without_answer(cause: object, *, sent: bool) -> Exception:
    """Return the error for a missing or unreadable answer."""
    if isinstance(cause, (transport.NotSentError, transport.LostError)):
        return cause
    name = str(cause) if isinstance(cause, transport.TransportError) else type(cause).__name__
    if sent:
        # What is left is the SDK's failure to read an answer (RuntimeError, UnicodeDecodeError, AttributeError, …).
        return transport.UnreadableError(name)
    # Nothing is wrong with the SDK if this machine has nothing left.
    return transport.NotSentError(name) if isinstance(cause, (MemoryError, OSError)) else SdkError(name)


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


# The SDK offers no other way to set its transport; both names are public. One process runs one function.
DaraCore.do_action = staticmethod(_do_action)
_RUNTIME = RuntimeOptions()
