"""The form: the list of callers, and a test webhook as one of them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.cli.callers_file import read_callers
from local.cli.command_line import UsageError
from local.cli.shell_secrets import shell_getter
from local.console.samples import USUAL, as_query, comes_by_query, sample_for
from local.deployed import ACTIONS
from local.gateway import Gateway
from local.gateway.trigger import invocation_path
from local.send.message import Message, compose, first_secret, read_message
from local.send.wire import Answer, Outgoing, exchange
from shared.callers.caller import Caller
from shared.callers.secret_references import GetSecret
from shared.problems import ConfigurationError
from shared.runtime.context import DEFAULT_REGION
from shared.runtime.event import Request
from shared.settings import Settings, read_settings

_SOURCE = "127.0.0.1"
# Schemes that take no other body.
_SIGN_FORMS = ("plivo",)
# Beyond the function's own deadline: the way there and back.
_MARGIN_S = 2


def forms(callers_file: Path, function: str, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return for each caller of the file its name, its scheme, a payload, and what is in the way of it, if so.

    Raises:
        UsageError: the file cannot be used.
    """
    get_secret = shell_getter(environ)

    def form(name: str, caller: Caller) -> dict[str, Any]:
        sample = sample_for(name, caller, ACTIONS[function])
        hindrance = _hindrance(caller, get_secret) or (
            "no sample has what this caller reads: change the payload" if sample is None else None
        )
        return {
            "name": name,
            "scheme": caller.auth.scheme,
            "payload": USUAL if sample is None else sample,
            "hindrance": hindrance,
        }

    return [form(name, caller) for name, caller in read_callers(callers_file).items()]


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
    caller = read_callers(callers_file).get(name)
    if caller is None:
        raise UsageError("the callers file has no such caller")
    try:
        body = payload.encode()
    except UnicodeEncodeError:
        raise UsageError("the payload is no Unicode text") from None
    outgoing = _outgoing(gateway, name, caller, body, environ)
    try:
        return exchange(outgoing, _patience(environ))
    except (OSError, http.client.HTTPException):
        raise UsageError("the gateway gave no answer") from None


def message_of(caller: Caller, body: bytes) -> Message:
    """Return the request that brings a payload as a caller sends it.

    Raises:
        UsageError: it would go in a query or a form, and is no flat JSON object.
    """
    if caller.payload == "form" or caller.auth.scheme in _SIGN_FORMS:
        return read_message(body, form=True)
    if not comes_by_query(caller):
        return Message(Request(headers={"content-type": "application/json"}, raw_path=""), body)
    try:
        query = as_query(json.loads(body))
    except (ValueError, RecursionError):
        query = None
    if query is None:
        raise UsageError("the caller sends its payload in the query: it must be a flat JSON object")
    return Message(Request(method="GET", raw_path="", query=query), b"")


def _outgoing(gateway: Gateway, name: str, caller: Caller, body: bytes, environ: Mapping[str, str]) -> Outgoing:
    if not caller.auth.over_http:
        return Outgoing(gateway.url, "POST", invocation_path(gateway.settings.function_name), {}, body)
    message = message_of(caller, body)
    secret = first_secret(caller.auth, shell_getter(environ))
    return compose(message, urlsplit(gateway.url), name, caller, secret, time.time())


def _hindrance(caller: Caller, get_secret: GetSecret) -> str | None:
    """Return why nothing can be sent as a caller, or why the function refuses it."""
    try:
        first_secret(caller.auth, get_secret)
    except UsageError as error:
        return str(error)
    return (
        None
        if caller.may_come_from(_SOURCE)
        else f"the caller's networks leave out {_SOURCE}, where this page sends from"
    )


def _patience(environ: Mapping[str, str]) -> float:
    """Return for how long an answer is waited for, in seconds: no shorter than the function takes."""
    try:
        milliseconds = read_settings(environ, region=DEFAULT_REGION).deadline_ms
    except ConfigurationError:
        # The function says so, and at once.
        milliseconds = Settings.model_fields["deadline_ms"].default
    return milliseconds / 1000 + _MARGIN_S
