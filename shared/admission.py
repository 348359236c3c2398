"""Who is asking: from a request to the caller that it is from, with the proof of that.

received → configuration → caller → secrets → verify
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from shared import configuration
from shared.callers.caller import Caller
from shared.callers.schemes import Proof
from shared.callers.secret_cache import SecretCache
from shared.callers.secret_references import GetSecret
from shared.invocation import Invocation
from shared.problems import CredentialMismatch, MethodNotAllowed, PayloadTooLarge, Unauthorized
from shared.runtime.event import Request, Response
from shared.settings import Settings

METHODS = ("POST", "GET")


class Admitted(NamedTuple):
    """What is known of a request that has proved itself.

    Attributes:
        settings, name, caller: what it works with, and who has sent it.
        proof: of the caller's own auth.
        response: to a handshake that has proved itself in its own way; nothing else may come of such a request.
    """

    settings: Settings
    name: str
    caller: Caller
    proof: Proof = Proof()
    response: Response | None = None


class Admission:
    """Reads the configuration anew for each request, and secrets as often as `SecretCache` does."""

    def __init__(
        self, environ: Mapping[str, str], callers_file: Path, secrets: SecretCache, now: Callable[[], float]
    ) -> None:
        """Take what the checks need from outside; see `Function`."""
        self._environ = environ
        self._callers_file = callers_file
        self._secrets = secrets
        self._now = now

    def admit(self, invocation: Invocation, context: object) -> Admitted:
        """Return who has sent a request; what is known of it is noted in the invocation.

        Raises:
            Problem: the first check that fails.
        """
        request = _received(invocation)
        settings, name, caller = self._find_caller(invocation, request, context)
        request = invocation.request
        get_secrets = partial(self._secrets.getter, self._environ, context, settings, invocation.started)
        try:
            proof = self._verify(invocation, settings, name, caller, get_secrets)
        except Unauthorized:
            secrets_of = partial(configuration.secrets_of, f"{name}.handshakes", get_secret=get_secrets())
            response = caller.handshake_with_its_own_proof(request, secrets_of, self._now())
            if response is None:
                raise
            invocation.caller_name = name
            return Admitted(settings, name, caller, response=response)
        return Admitted(settings, name, caller, proof)

    def _find_caller(self, invocation: Invocation, request: Request, context: object) -> tuple[Settings, str, Caller]:
        invocation.at("configuration")
        settings, callers = configuration.load(self._environ, context, self._callers_file)
        invocation.settings = settings
        if request.method == "OPTIONS" and not callers.take_options():
            raise MethodNotAllowed(METHODS)
        invocation.at("caller")
        name, caller = callers.of(request)
        invocation.request = replace(request, payload=caller.payload)
        invocation.found(name)
        return settings, name, caller

    def _verify(
        self,
        invocation: Invocation,
        settings: Settings,
        name: str,
        caller: Caller,
        get_secrets: Callable[..., GetSecret],
    ) -> Proof:
        """Check the credential, again if its secret has just been rotated."""
        invocation.at("secrets")
        configuration.check_ttl(name, caller, settings)
        secrets = configuration.secrets_of(name, caller.auth, get_secrets())
        invocation.at("verify")
        try:
            proof = caller.auth.verify(invocation.request, secrets, self._now())
        except CredentialMismatch:
            renewed = configuration.secrets_of(name, caller.auth, get_secrets(early=True))
            if renewed == secrets:
                raise
            proof, secrets = caller.auth.verify(invocation.request, renewed, self._now()), renewed
        invocation.caller_name, invocation.caller, invocation.secrets = name, caller, secrets
        invocation.found(caller.auth.scheme)
        return proof


def _received(invocation: Invocation) -> Request:
    """Return the request, unless it could not be read or has a method that nobody takes."""
    request = invocation.request
    if isinstance(request.fault, PayloadTooLarge):
        raise request.fault
    invocation.at("method")
    if request.method not in (*METHODS, "OPTIONS"):
        raise MethodNotAllowed(METHODS)
    invocation.at("body")
    if request.fault:
        raise request.fault
    invocation.found(f"{len(request.body)} bytes")
    return request
