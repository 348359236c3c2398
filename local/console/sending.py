"""The form: which callers there are, and a test webhook as one of them."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.command_line import UsageError
from local.console.samples import sample_for
from local.deployed import ACTIONS
from local.gateway import Gateway
from local.send.message import Message, compose, first_secret
from local.send.wire import Answer, Outgoing, exchange
from local.shell_secrets import shell_lookup
from shared.callers import Caller, load_callers
from shared.envelope import Request
from shared.problems import ConfigurationError


def forms(callers_file: Path, function: str, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return for each caller of the file its name, its scheme, a payload, and why it cannot be sent for, if so.

    Raises:
        UsageError: the file cannot be used.
    """
    look_up = shell_lookup(environ)

    def hindrance(caller: Caller) -> str | None:
        try:
            first_secret(caller.auth, look_up)
        except UsageError as error:
            return str(error)
        return None

    return [
        {
            "name": name,
            "scheme": caller.auth.scheme,
            "payload": sample_for(name, caller, ACTIONS[function]),
            "hindrance": hindrance(caller),
        }
        for name, caller in _load(callers_file).items()
    ]


def send(gateway: Gateway, callers_file: Path, environ: Mapping[str, str], name: str, payload: str) -> Answer:
    """Send a payload as a caller would, over HTTP, and return the answer.

    Args:
        gateway: where to.
        callers_file: the callers file.
        environ: holds the secrets.
        name: of the caller; one for direct invocation is sent for so.
        payload: the body, whatever it is.

    Raises:
        UsageError: no such caller, no secret, or nothing that the scheme can sign.
    """
    caller = _load(callers_file).get(name)
    if caller is None:
        raise UsageError("the callers file has no such caller")
    try:
        body = payload.encode()
    except UnicodeEncodeError:
        raise UsageError("the payload is no Unicode text") from None
    outgoing = _outgoing(gateway, name, caller, body, environ)
    try:
        return exchange(outgoing)
    except (OSError, http.client.HTTPException):
        raise UsageError("the gateway gave no answer") from None


def _outgoing(gateway: Gateway, name: str, caller: Caller, body: bytes, environ: Mapping[str, str]) -> Outgoing:
    if not caller.auth.over_http:
        target = f"/2023-03-30/functions/{gateway.settings.function_name}/invocations"
        return Outgoing(gateway.url, "POST", target, {}, body)
    message = Message(Request(headers={"content-type": "application/json"}, raw_path=""), body)
    secret = first_secret(caller.auth, shell_lookup(environ))
    return compose(message, urlsplit(gateway.url), name, caller, secret, time.time())


def _load(path: Path) -> Mapping[str, Caller]:
    try:
        return load_callers(path).callers
    except ConfigurationError as error:
        raise UsageError(error.reason) from None
