"""One deployed function: the pipeline from a request to an answer, and the objects that it uses.

    event → request → caller → verify → decode → parameters → claim → call → status → answer

Every step takes plain values, and returns plain values or raises a `Problem`. The environment, the clock and the call
to CCC are arguments, which a function's `index.py` or a test passes once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from shared import configuration, dead_letters
from shared.action import Action
from shared.admission import Admission
from shared.callers.secret_cache import ReadSecret, SecretCache
from shared.clients import ccc, kms
from shared.clients.retry import with_one_retry
from shared.dead_letters import WriteDeadLetter, open_dead_letters
from shared.idempotency import Store, Stores, open_store
from shared.idempotency.once import Work, fingerprint_of, name_of, once
from shared.invocation import Invocation, Observe, ignore
from shared.observability import log
from shared.outcome import Outcome, Success
from shared.pages import Pages
from shared.payload.parameters import CallParameters
from shared.problems import (
    InternalError,
    Problem,
)
from shared.responses.render import render
from shared.responses.status import slim_status
from shared.runtime.context import Credentials, credentials_of, function_name_of, request_id_of
from shared.runtime.event import Request, Response, read_event, to_direct, to_http
from shared.settings import Settings, log_level_of

Call = Callable[[Action, Mapping[str, str], Credentials, Settings, float], dict[str, Any]]


class Function:
    """An action of CCC behind a webhook.

    Between invocations it keeps whether one has been served (for `cold_start`), the store of idempotency keys and, for
    a few minutes, secrets of KMS; `load_callers` keeps the parsed file while that does not change. Everything else is
    read anew: variables, the secrets in them, credentials.
    """

    def __init__(  # noqa: PLR0913 - all that it is wired to
        self,
        action: Action,
        callers_file: Path,
        *,
        environ: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.time,
        call: Call = ccc.call,
        read_secret: ReadSecret = kms.read_secret,
        open_store: Callable[[str], Store] = open_store,
        open_dead_letters: Callable[[Settings], WriteDeadLetter | None] = open_dead_letters,
        log_to: TextIO | None = None,
        observe: Observe = ignore,
    ) -> None:
        """Wire the function.

        Args:
            action: what it does.
            callers_file: the default of `CALLERS_FILE`; `openapi.json` stands beside it.
            environ: the environment, read at every invocation.
            now: seconds since the epoch.
            call: calls CCC, once.
            read_secret: reads a secret of KMS.
            open_store: returns the store behind a URL.
            open_dead_letters: returns what keeps requests that failed, `None` where none are kept.
            log_to: where the log goes, stdout by default.
            observe: called with each step that a request has passed and what the step found.
        """
        self._action = action
        self._callers_file = callers_file
        self._environ = environ
        self._now = now
        self._call = call
        self._secrets = SecretCache(read_secret)
        self._stores = Stores(open_store)
        self._open_dead_letters = open_dead_letters
        self._log_to = log_to
        self._observe = observe
        self._admission = Admission(environ, callers_file, self._secrets, now)
        self._pages = Pages(callers_file, environ, self._secrets)
        self._served = False

    def handle(self, event: object, context: object) -> dict[str, Any]:
        """Answer one event; never raises.

        Args:
            event: of the HTTP trigger or of a direct invocation, as bytes.
            context: the platform's.

        Returns:
            The HTTP trigger's response, or a direct invocation's flat result.
        """
        request = read_event(event)
        response = self.respond(request, context)
        return to_direct(response) if request.direct else to_http(response)

    def respond(self, request: Request, context: object) -> Response:
        """Answer one request; never raises.

        Args:
            request: as it came; one that could not be read has a fault.
            context: has the attributes of the platform's.
        """
        invocation = self._begin(request, context)
        try:
            if page := self._pages.find(request, context):
                return page
            outcome: Outcome = self._run(invocation, context)
        except Problem as problem:
            outcome = problem
        except Exception as error:  # noqa: BLE001 - the platform would show the caller a stack trace
            outcome = InternalError.at(error)
        invocation.found(outcome)
        response = render(outcome, invocation)
        self._log(log.webhook_line(invocation, outcome, response.status, self._now()), invocation.log_level)
        # Last: the instance may be stopped while it waits for the bucket, and the log line is already written.
        self._keep_dead_letter(invocation, outcome, context)
        return response

    def _begin(self, request: Request, context: object) -> Invocation:
        invocation = Invocation(
            self._action,
            request_id_of(context),
            request,
            cold_start=not self._served,
            log_level=log_level_of(self._environ),
            observe=self._observe,
        )
        self._served = True
        return invocation

    def _run(self, invocation: Invocation, context: object) -> Success:
        """Take a request through the pipeline; the order of the steps is the order of the checks."""
        at, found = invocation.at, invocation.found
        settings, name, caller, proof, document, handshake = self._admission.admit(invocation, context)
        request = invocation.request
        if handshake:
            return Success("handshake", {}, response=handshake.answer(request, document, proof.secret))
        at("map")
        fields = caller.select(document, has_body=bool(request.body))
        found(fields)
        at("parameters")
        invocation.parameters = parameters = caller.read(self._action.parameters, fields, document)
        found(parameters)
        at("age")
        caller.check_age(document, self._now())
        found(f"at most {caller.max_age_seconds} s" if caller.max_age_seconds else "any")
        at("key")
        key = caller.key_of(document, proof.delivery)
        # Where it comes from, and not the key: that may be the signature.
        found("none" if key is None else "idempotency_key" if caller.idempotency_key else "delivery")
        at("instances")
        caller.check_instance(parameters.instance_id)
        at("credentials")
        credentials = credentials_of(context, self._environ)
        at("call")
        act = partial(self._act, invocation, context, settings, parameters, credentials)
        deadline = dead_letters.deadline_of_work(settings, invocation.started)
        if key is None:
            return act(deadline)
        is_signed = caller.auth.signs and caller.idempotency_key is None
        owner = () if is_signed else (function_name_of(context, self._environ), self._action.name)
        work = Work(name_of(name, key, *owner), fingerprint_of(self._action.name, parameters.query()), deadline, act)
        done = once(self._stores.of(settings), work, settings.idempotency_ttl_seconds)
        invocation.replayed, invocation.store_fault = done.replayed, done.fault
        return done.success()

    def _act(
        self,
        invocation: Invocation,
        context: object,
        settings: Settings,
        parameters: CallParameters,
        credentials: Credentials,
        deadline: float,
    ) -> Success:
        """Call CCC, a second time where that is safe."""

        def send(current: Credentials) -> dict[str, Any]:
            with invocation.attempt():
                return self._call(self._action, parameters.query(), current, settings, deadline)

        answer = with_one_retry(send, credentials, partial(credentials_of, context, self._environ), deadline)
        return slim_status(self._action, parameters, answer)

    def _keep_dead_letter(self, invocation: Invocation, outcome: Outcome, context: object) -> None:
        """Keep a failed request where that is configured, or log that it could not be kept."""
        if not isinstance(outcome, Problem):
            return
        now = self._now()
        fault = dead_letters.keep(invocation, outcome, context, self._environ, now, self._open_dead_letters)
        if fault:
            self._log(log.dead_letter_line(invocation, outcome, fault, now), invocation.log_level)

    def _log(self, line: dict[str, Any], level: str) -> None:
        log.write(line, level, self._log_to)

    def initialize(self, context: object) -> None:
        """Log all faults of the configuration and what is probably a mistake; never raises.

        Requests find the same faults and answer `configuration_error`. Where there are none, what the first request
        needs besides its call is prepared: the libraries of store and dead letters are slow to import.
        """
        hints: list[str] = []
        try:
            hints = configuration.hints(self._environ, self._callers_file)
            faults = configuration.faults(self._environ, context, self._callers_file, self._secrets)
            if not faults:
                settings = configuration.load(self._environ, context, self._callers_file).settings
                self._stores.of(settings)
                self._open_dead_letters(settings)
        except Exception as error:  # noqa: BLE001 - a failing initializer would fail the request too
            faults = [InternalError.at(error).reason]
        if faults or hints:
            line = log.initialize_line(self._action, request_id_of(context), faults, self._now(), hints)
            self._log(line, "INFO")
