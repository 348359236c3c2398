"""Finds the caller of a request and verifies its credential.

received → configuration → caller → secrets → verify → methods → networks → decode → handshakes
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from shared import configuration
from shared.callers.caller import Caller
from shared.callers.handshakes import Document, Handshake
from shared.callers.schemes import Proof
from shared.callers.secret_cache import SecretCache
from shared.callers.secret_references import GetSecret
from shared.invocation import Invocation
from shared.problems import (
    CredentialMismatch,
    CredentialUnchecked,
    MethodNotAllowed,
    PayloadTooLarge,
    Problem,
    Unauthorized,
)
from shared.runtime.event import Request
from shared.settings import Settings

METHODS = ("POST", "GET")
_SERVER_ERROR = 500


class Admitted(NamedTuple):
    """What is known of a request that has proved itself.

    Attributes:
        settings, name, caller: what it works with, and who has sent it.
        proof: of the caller's own auth.
        document: the decoded request, as expressions see it.
        handshake: that it is; nothing but its answer may come of such a request.
    """

    settings: Settings
    name: str
    caller: Caller
    proof: Proof = Proof()
    document: Document = MappingProxyType({})
    handshake: Handshake | None = None


class Admission:
    """Reads the configuration for each request, and secrets as often as `SecretCache` allows."""

    def __init__(
        self, environ: Mapping[str, str], callers_file: Path, secrets: SecretCache, now: Callable[[], float]
    ) -> None:
        """Take what the checks need; see `Function`."""
        self._environ = environ
        self._callers_file = callers_file
        self._secrets = secrets
        self._now = now

    def admit(self, invocation: Invocation, context: object) -> Admitted:
        """Return the caller of a request, and note it in the invocation.

        Raises:
            Problem: the first check that fails.
        """
        request = _received(invocation)
        found = self._find_caller(invocation, request, context)
        get_secrets = partial(self._secrets.getter, self._environ, context, found.settings, invocation.started)
        try:
            return self._admit(invocation, found, get_secrets)
        except Problem as problem:
            if request.method != "OPTIONS":
                raise
            # It can only be a handshake. If not, the answer does not show which callers exist and accept OPTIONS.
            invocation.caller_name = invocation.caller = None
            kind = CredentialUnchecked if problem.status >= _SERVER_ERROR or problem.needs_operator else Unauthorized
            raise kind(problem.reason) from None

    def _admit(self, invocation: Invocation, found: Admitted, get_secrets: Callable[..., GetSecret]) -> Admitted:
        """Have the caller's own auth prove a request, or else a handshake's."""
        request, name, caller = invocation.request, found.name, found.caller
        with_its_own_proof = partial(
            caller.handshake_with_its_own_proof,
            request,
            lambda scheme: configuration.secrets_of(f"{name}.handshakes", scheme, get_secrets()),
            self._now(),
        )
        try:
            proof = self._verify(invocation, found, get_secrets)
        except Unauthorized as refusal:
            try:
                taken = with_its_own_proof()
            except CredentialUnchecked as fault:
                raise CredentialUnchecked(f"{refusal.reason}; {fault.reason}") from None
            if taken is None:
                raise
            invocation.caller_name = name
            return self._handshake(invocation, found, *taken)
        invocation.at("methods")
        caller.check_method_of_any(request)
        invocation.at("networks")
        caller.check_network(request)
        invocation.at("decode")
        document = caller.decode(request)
        invocation.found(document)
        admitted = found._replace(proof=proof, document=document)
        if handshake := caller.handshake(request, document, proof.secret):
            return self._handshake(invocation, admitted, handshake, document)
        try:
            taken = with_its_own_proof()
        except CredentialUnchecked:
            # What may be a webhook as well goes on as one.
            if request.method not in caller.methods:
                raise
            taken = None
        if taken:
            return self._handshake(invocation, found, *taken)
        caller.check_method(request)
        return admitted

    @staticmethod
    def _handshake(invocation: Invocation, admitted: Admitted, handshake: Handshake, document: Document) -> Admitted:
        invocation.is_handshake = True
        return admitted._replace(handshake=handshake, document=document)

    def _find_caller(self, invocation: Invocation, request: Request, context: object) -> Admitted:
        """Return who is asking, by name; nothing is proved yet."""
        invocation.at("configuration")
        settings, callers = configuration.load(self._environ, context, self._callers_file)
        invocation.settings = settings
        if request.method == "OPTIONS" and not callers.take_options():
            raise MethodNotAllowed(METHODS)
        invocation.at("caller")
        name, caller = callers.of(request)
        invocation.request = replace(request, payload=caller.payload)
        invocation.found(name)
        return Admitted(settings, name, caller)

    def _verify(self, invocation: Invocation, found: Admitted, get_secrets: Callable[..., GetSecret]) -> Proof:
        """Check the credential, again if its secret has just been rotated."""
        name, caller = found.name, found.caller
        invocation.at("secrets")
        configuration.check_ttl(name, caller, found.settings)
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
