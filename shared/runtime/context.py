"""The context that Function Compute passes with the event, and the role's credentials.

There is no package with the platform's types; these follow its documentation (Function Compute, "Context", 2025-09-19).
On python3.10 the context has `credentials`, on python3.12 it has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.problems import ConfigurationError, MalformedRequest

DEFAULT_REGION = "cn-shanghai"
# The headers with the context of a custom runtime; the platform accepts none of them from clients.
PLATFORM_PREFIX = "x-fc-"


class Context(Protocol):
    """The part of the context that both runtimes share and this project reads; python3.10's has `credentials`, too."""

    request_id: str
    region: str


@dataclass(frozen=True)
class Credentials:
    """One invocation's credentials; its representation shows none of them."""

    access_key_id: str = field(repr=False)
    access_key_secret: str = field(repr=False)
    security_token: str = field(repr=False)


@dataclass(frozen=True)
class _Named:
    name: str


@dataclass(frozen=True)
class HeaderContext:
    """The context of a custom runtime, which the platform sends with each request (documentation: "Web functions")."""

    request_id: str
    region: str
    function: _Named
    credentials: Credentials


def context_of(headers: Mapping[str, str]) -> HeaderContext:
    """Return the context in the platform's headers of one request; an absent header is empty.

    Args:
        headers: by lower-case name; repeated ones are joined with a comma.

    Raises:
        MalformedRequest: one of them came twice, so that one of the two is not the platform's.
    """
    names = ("request-id", "region", "function-name", "access-key-id", "access-key-secret", "security-token")
    values = [headers.get(f"{PLATFORM_PREFIX}{name}", "") for name in names]
    if any("," in value for value in values):
        raise MalformedRequest("platform header came twice")
    request_id, region, function_name, *credentials = values
    return HeaderContext(request_id, region, _Named(function_name), Credentials(*credentials))


def request_id_of(context: object) -> str | None:
    """Return the platform's id of this invocation."""
    return _text(context, "request_id")


def region_of(context: object, environ: Mapping[str, str]) -> str:
    """Return the function's region: from the context, or `FC_REGION`, or cn-shanghai."""
    return _text(context, "region") or environ.get("FC_REGION") or DEFAULT_REGION


def function_name_of(context: object, environ: Mapping[str, str]) -> str:
    """Return the function's deployed name: from the context, or `FC_FUNCTION_NAME`, or empty."""
    return _text(_attribute(context, "function"), "name") or environ.get("FC_FUNCTION_NAME", "")


def credentials_of(context: object, environ: Mapping[str, str]) -> Credentials:
    """Return the credentials of this very invocation: the platform renews them while an instance lives.

    They come from `context.credentials` where the runtime gives it (python3.10), else from the environment (3.12).
    All three parts are needed: without its token an STS key would pass for a permanent one and be refused.

    Raises:
        ConfigurationError: no complete credentials; the function has no role.
    """
    holder = _attribute(context, "credentials")
    parts = [_text(holder, name) for name in ("access_key_id", "access_key_secret", "security_token")]
    if not all(parts):
        names = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
        parts = [environ.get(f"ALIBABA_CLOUD_{name}") for name in names]
    key_id, secret, token = parts
    if not (key_id and secret and token):
        raise ConfigurationError("no role credentials, neither in the context nor in the environment")
    return Credentials(key_id, secret, token)


def _text(holder: object, name: str) -> str | None:
    value = _attribute(holder, name)
    return value if isinstance(value, str) and value else None


def _attribute(holder: object, name: str) -> object:
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - the object is the platform's; the handler answers whatever it raises
        return None
