"""Secrets of Key Management Service: one secret, its current and its previous version.

Source: API reference of KMS, GetSecretValue (2016-01-20).
"""

from __future__ import annotations

import re

from shared.callers.secret_references import SecretUnavailableError
from shared.clients import rpc, transport
from shared.problems import ConfigurationError, Upstream
from shared.runtime.context import Credentials
from shared.settings import Settings

_GET_SECRET_VALUE = rpc.Operation("GetSecretValue", "2016-01-20")
_CURRENT, _PREVIOUS = "ACSCurrent", "ACSPrevious"
_HTTP_OK, _HTTP_TOO_MANY, _HTTP_SERVER_ERROR = 200, 429, 500
_NO_SUCH_SECRET = re.compile(r"(.+\.)?(Resource|Secret)NotFound(\..+)?")
# Refusals of the request itself, which do not depend on the secret.
_OF_THE_REQUEST = re.compile(
    r"(Signature|Invalid(SecurityToken|AccessKeyId|TimeStamp)|Incomplete|Missing|Rejected)[A-Za-z]*(\..+)?"
)
_PASSING = re.compile(r"Throttling.*|Rejected\.Throttling|InternalFailure|InternalError|ServiceUnavailable.*")


def read_secret(name: str, credentials: Credentials, settings: Settings, deadline: float) -> tuple[str, ...]:
    """Return the values of a secret: the current one and, if there is one, the previous; none if there is no secret.

    Args:
        name: of the secret.
        credentials: of this very invocation.
        settings: where KMS is; it is waited for as CCC is.
        deadline: by `time.monotonic()`.

    Raises:
        ConfigurationError: KMS refuses, or the secret is no text.
        SecretUnavailableError: KMS cannot be reached in time, fails, or asks to come back.
    """
    current = _value(name, _CURRENT, credentials, settings, deadline)
    if current is None:
        return ()
    previous = _value(name, _PREVIOUS, credentials, settings, deadline)
    if previous == current:
        # Rotated between the two.
        current = _value(name, _CURRENT, credentials, settings, deadline)
    return tuple(dict.fromkeys(value for value in (current, previous) if value is not None))


def _value(name: str, stage: str, credentials: Credentials, settings: Settings, deadline: float) -> str | None:
    """Return the value of one version, `None` if there is none."""
    service = rpc.Service(settings.kms_endpoint, settings.ccc_connect_timeout_ms, settings.ccc_read_timeout_ms)
    parameters = {"SecretName": name, "VersionStage": stage}
    try:
        answer = rpc.call(_GET_SECRET_VALUE, parameters, credentials, service, deadline)
    except (transport.TransportError, rpc.SdkError) as error:
        raise SecretUnavailableError(f"kms:{name}: KMS does not answer: {error}") from None
    if answer.status != _HTTP_OK:
        _check_absent(name, stage, answer)
        return None
    body = answer.body if isinstance(answer.body, dict) else {}
    value = body.get("SecretData")
    if not isinstance(value, str):
        raise SecretUnavailableError(f"kms:{name}: KMS answered without a value")
    if body.get("SecretDataType", "text") != "text":
        raise ConfigurationError(f"kms:{name} is no text")
    return value


def _check_absent(name: str, stage: str, answer: rpc.Answer) -> None:
    """Check that a refusal says that there is no such version.

    Raises:
        ConfigurationError, SecretUnavailableError: it says something else.
    """
    code = Upstream.read(answer.body).code or ""
    reason = f"kms:{name}: KMS answered {code or 'no code'} with HTTP {answer.status}"
    # Without a code the answer is not from KMS, but from something in front of it.
    passes = not code or answer.status == _HTTP_TOO_MANY or _PASSING.fullmatch(code)
    if not answer.refused or answer.status >= _HTTP_SERVER_ERROR or passes:
        raise SecretUnavailableError(reason)
    if stage == _PREVIOUS and _OF_THE_REQUEST.fullmatch(code):
        raise SecretUnavailableError(reason)
    # Which code says that a secret has no previous version is not documented. The same role has just been given the
    # current one: what is left can hardly say anything else.
    if stage != _PREVIOUS and not _NO_SUCH_SECRET.fullmatch(code):
        raise ConfigurationError(reason)
