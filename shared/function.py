"""One deployed function: the road from an event to an answer, and what is wired to it.

    event → request → caller → verify → decode → parameters → claim → call → status → answer

Every step takes plain values and returns plain values or raises a `Problem`. What the road needs from outside (the
environment, the clock, the call of CCC) is handed in once, by a function's `index.py` or by a test.
"""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from shared import __version__, configuration, dead_letters
from shared.action import Action
from shared.callers.caller import Caller
from shared.callers.file import Callers
from shared.callers.secret_cache import KeptSecrets, ReadSecret
from shared.callers.secret_references import Lookup
from shared.clients import ccc, kms
from shared.clients.retry import with_one_resend
from shared.dead_letters import WriteLetter, open_letters
from shared.idempotency import Store, cause_of, open_store
from shared.idempotency.once import Work, fingerprint_of, name_of, once
from shared.invocation import Invocation
from shared.observability import log
from shared.outcome import Outcome, Success
from shared.payload.decode import decode_body, decode_json, decode_query
from shared.payload.parameters import CallParameters, read_parameters
from shared.problems import (
    CredentialMismatch,
    Forbidden,
    IdempotencyUnavailable,
    InternalError,
    MethodNotAllowed,
    Problem,
    Unauthorized,
)
from shared.responses import render
from shared.responses.status import slim_status
from shared.runtime.context import Credentials, credentials_of, function_name_of, request_id_of
from shared.runtime.event import Request, Response, check_size, is_direct, read_body, read_event, to_http
from shared.settings import Settings

METHODS = ("POST", "GET")
DEFAULT_CALLER = "default"
# Beside the callers file that is shipped, written by `make package`: tells what runs from what ran before.
BUILD = "build.txt"
_BUILD = re.compile(r"[0-9a-f]{12}")

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
        open_letters: Callable[[Settings], WriteLetter | None] = open_letters,
        log_to: TextIO | None = None,
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
            open_letters: returns what keeps requests that failed, `None` where none are kept.
            log_to: where the log goes, stdout by default.
        """
        self._action = action
        self._callers_file = callers_file
        self._environ = environ
        self._now = now
        self._call = call
        self._secrets = KeptSecrets(read_secret)
        self._open_store = open_store
        self._open_letters = open_letters
        self._log_to = log_to
        self._stores: dict[str, Store] = {}
        self._document: str | None = None
        self._build = read_build(callers_file.with_name(BUILD))
        self._served = False

    def handle(self, event: object, context: object) -> dict[str, Any]:
        """Answer one event; never raises.

        Args:
            event: of the HTTP trigger or of a direct invocation, as bytes.
            context: the platform's.

        Returns:
            The HTTP trigger's response, or a direct invocation's flat result.
        """
        invocation = self._begin(context)
        outcome = self.answer(invocation, event, context)
        if invocation.request.direct and not isinstance(outcome, Response):
            result = self._told(invocation, outcome)
        else:
            result = to_http(self._reply(invocation, outcome))
        # Last: the instance may be stopped while it waits for the bucket, and the line stands by then.
        self._keep(invocation, outcome, context)
        return result

    def respond(self, request: Request | Problem, context: object) -> Response:
        """Answer one HTTP request; never raises.

        Args:
            request: as it came over HTTP, not direct; a problem where it could not be read.
            context: has the attributes of the platform's.
        """
        invocation = self._begin(context)
        outcome = self.answer(invocation, request, context)
        response = self._reply(invocation, outcome)
        self._keep(invocation, outcome, context)
        return response

    def _begin(self, context: object) -> Invocation:
        level = self._environ.get("LOG_LEVEL", "")
        invocation = Invocation(self._action, request_id_of(context), cold_start=not self._served, log_level=level)
        self._served = True
        return invocation

    def answer(self, invocation: Invocation, event: object, context: object) -> Outcome | Response:
        """Return the outcome of one event, noting in `invocation` what each step finds; a page (healthz) is a response.

        Args:
            invocation: of this invocation.
            event: the platform's, or the request that it stands for, or why it could not be read.
            context: the platform's.
        """
        if isinstance(event, Problem):
            return event
        try:
            invocation.request = event if isinstance(event, Request) else _read(invocation, event)
            check_size(invocation.request)
            if page := self._page(invocation.request, context):
                return page
            return self._serve(invocation, context)
        except Problem as problem:
            return problem
        except Exception as error:  # noqa: BLE001 - the platform would show the caller a stack trace
            return InternalError(_place(error))

    def _page(self, request: Request, context: object) -> Response | None:
        """Return what can be read without a credential, and leaves no line in the log."""
        if request.direct or request.method != "GET":
            return None
        if request.segment == "healthz":
            return self._health(context)
        if request.segment == "openapi.json":
            return Response(200, self._openapi())
        return None

    def _serve(self, invocation: Invocation, context: object) -> Outcome:
        """Take a request down the road; the order of the steps is the order of the checks."""
        request = invocation.request
        if request.method not in METHODS:
            raise MethodNotAllowed(METHODS)
        body = read_body(request)
        invocation.passed("body", f"{len(body)} bytes")
        settings, callers = configuration.load(self._environ, context, self._callers_file)
        invocation.settings, invocation.body = settings, body
        name, caller = _caller_of(request, callers)
        invocation.passed("caller", name)
        configuration.check_ttl(name, caller, settings)
        look_up = partial(self._secrets.lookup, self._environ, context, settings, invocation.started)
        delivery, invocation.secrets = _verify(name, caller, request, body, look_up, self._now())
        invocation.caller_name, invocation.caller = name, caller
        invocation.passed("verify", caller.auth.scheme)
        if not request.direct:
            _check_origin(request, caller)
        document = _document(request, body, caller)
        invocation.passed("decode", document)
        if reply := caller.auth.handshake(request, document["body"]):
            return Success("handshake", reply)
        given = caller.select(document, has_body=bool(body))
        invocation.passed("map", given)
        origin_of = partial(caller.origin_of, document) if caller.parameters else None
        parameters = read_parameters(self._action.parameters, given, caller.constants(), origin_of)
        invocation.passed("parameters", parameters)
        invocation.parameters = parameters
        caller.check_age(document, self._now())
        invocation.passed("age", f"at most {caller.max_age_seconds} s" if caller.max_age_seconds else "any")
        key = caller.key_of(document, delivery)
        # Where it comes from, and not the key: that may be the signature.
        invocation.passed("key", "none" if key is None else "idempotency_key" if caller.idempotency_key else "delivery")
        if not caller.may_use_instance(parameters.instance_id):
            raise Forbidden("instance is not on the caller's list")
        credentials_of(context, self._environ)
        act = partial(self._act, invocation, context, settings, parameters)
        deadline = dead_letters.deadline_of_work(settings, invocation.started)
        if key is None:
            return act(deadline)
        is_signed = caller.auth.signs and caller.idempotency_key is None
        owner = () if is_signed else (function_name_of(context, self._environ), self._action.name)
        fingerprint = fingerprint_of(self._action.name, parameters.query())
        work = Work(name_of(name, key, *owner), fingerprint, deadline, act)
        done = once(self._store(settings), work, settings.idempotency_ttl_seconds)
        invocation.replayed, invocation.store_fault = done.replayed, done.fault
        return done.outcome

    def _act(
        self, invocation: Invocation, context: object, settings: Settings, parameters: CallParameters, deadline: float
    ) -> Success:
        """Call CCC, a second time where that is safe."""

        def send(credentials: Credentials) -> dict[str, Any]:
            with invocation.attempt():
                return self._call(self._action, parameters.query(), credentials, settings, deadline)

        answer = with_one_resend(send, partial(credentials_of, context, self._environ), deadline)
        try:
            return slim_status(self._action, parameters, answer)
        except Exception:  # noqa: BLE001 - it has been carried out: whatever is odd in the answer, that is what is told
            return slim_status(self._action, parameters, {})

    def _store(self, settings: Settings) -> Store:
        url = settings.idempotency_url.get_secret_value()
        try:
            # Requests may run side by side, and all of them must get the same store.
            return self._stores.get(url) or self._stores.setdefault(url, self._open_store(url))
        except (OSError, MemoryError) as error:
            # Its library is read from files.
            raise IdempotencyUnavailable(f"store cannot be opened: {cause_of(error)}") from None

    def _reply(self, invocation: Invocation, outcome: Outcome | Response) -> Response:
        """Return an outcome in the form that the caller reads, and log it; a page is in its form and leaves no line."""
        if isinstance(outcome, Response):
            return outcome
        always_200 = invocation.caller is not None and invocation.caller.response == "always-200"
        form = render.always_200 if always_200 else render.with_status_codes
        response = form(outcome, invocation.request_id, replayed=invocation.replayed)
        self._log(invocation, outcome, response.status)
        return response

    def _told(self, invocation: Invocation, outcome: Outcome) -> dict[str, Any]:
        """Return the outcome of a direct invocation, and log it."""
        self._log(invocation, outcome, None)
        return dict(render.flat(outcome, invocation.request_id, replayed=invocation.replayed))

    def _keep(self, invocation: Invocation, outcome: Outcome | Response, context: object) -> None:
        """Keep a failed request where that is configured, or log that it could not be kept."""
        if not isinstance(outcome, Problem):
            return
        now = self._now()
        fault = dead_letters.keep(invocation, outcome, context, self._environ, now, self._open_letters)
        if fault:
            log.write(log.dead_letter_line(invocation, outcome, fault, now), invocation.log_level, self._log_to)

    def _log(self, invocation: Invocation, outcome: Outcome, status: int | None) -> None:
        log.write(log.webhook_line(invocation, outcome, status, self._now()), invocation.log_level, self._log_to)

    def _openapi(self) -> str:
        """Return the document that describes the function; it stands beside the callers file that is shipped."""
        if self._document is None:
            self._document = self._callers_file.with_name("openapi.json").read_text(encoding="utf-8")
        return self._document

    def _health(self, context: object) -> Response:
        well = configuration.serves_anybody(self._environ, context, self._callers_file, self._secrets)
        status, word = (200, "ok") if well else (503, "unavailable")
        return Response(status, {"status": word, "version": __version__, "build": self._build})

    def initialize(self, context: object) -> None:
        """Tell the log everything that is wrong with the configuration, and what is hardly meant; never raises.

        Requests find the same faults and answer `configuration_error`. Where there are none, what the first request
        needs beside its call is made ready: the libraries of store and letters take their time to import.
        """
        hints: list[str] = []
        try:
            hints = configuration.hints(self._environ, self._callers_file)
            faults = configuration.faults(self._environ, context, self._callers_file, self._secrets)
            if not faults:
                settings = configuration.load(self._environ, context, self._callers_file).settings
                self._store(settings)
                self._open_letters(settings)
        except Exception as error:  # noqa: BLE001 - a failing initializer would fail the request too
            faults = [_place(error)]
        if faults or hints:
            line = log.initialize_line(self._action, request_id_of(context), faults, self._now(), hints)
            log.write(line, "INFO", self._log_to)


def read_build(file: Path) -> str | None:
    """Return which package this is, `None` where it is none."""
    try:
        build = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return build if _BUILD.fullmatch(build) else None


def _read(invocation: Invocation, event: object) -> Request:
    try:
        return read_event(event)
    except Exception:
        # What cannot be read is answered in the form of what it was meant to be.
        invocation.request = Request(direct=is_direct(event))
        raise


def _caller_of(request: Request, callers: Callers) -> tuple[str, Caller]:
    """Return name and caller: by the last segment of the path, or the one for direct invocation."""
    if request.direct:
        found = callers.direct()
        if found is None:
            raise Forbidden("no caller has scheme ram")
        return found
    name = request.segment or DEFAULT_CALLER
    caller = callers.get(name)
    if caller is None:
        raise Unauthorized("no such caller")
    return name, caller


def _verify(
    name: str, caller: Caller, request: Request, body: bytes, look_up: Callable[..., Lookup], now: float
) -> tuple[str | None, tuple[str, ...]]:
    """Check the credential, once more if a secret has just been rotated; return what tells the delivery, and secrets.

    These are those that counted.
    """
    secrets = configuration.secrets_of(name, caller, look_up())
    try:
        return caller.auth.verify(request, body, secrets, now), secrets
    except CredentialMismatch:
        renewed = configuration.secrets_of(name, caller, look_up(early=True))
        if renewed == secrets:
            raise
        return caller.auth.verify(request, body, renewed, now), renewed


def _document(request: Request, body: bytes, caller: Caller) -> dict[str, Any]:
    """Return the decoded request, as the callers file's expressions see it."""
    if request.direct:
        return {
            "body": decode_json(body, any_value=caller.parameters is not None),
            "query": {},
            "headers": {},
            "path": "",
        }
    is_read = caller.reads_beyond_the_payload or not body
    return {
        "body": decode_body(body, request.headers, caller.payload, has_expressions=caller.parameters is not None),
        "query": _query(request, caller.auth.credential_query()) if is_read else {},
        "headers": _without(request.headers, caller.auth.credential_headers()),
        "path": request.path,
    }


def _query(request: Request, hidden: frozenset[str]) -> dict[str, str]:
    """Return the decoded query without what proves the sender, which need not be UTF-8."""
    return _without(decode_query(_without(request.query, hidden), request.raw_query), hidden)


def _without(fields: Mapping[str, str], hidden: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in hidden}


def _check_origin(request: Request, caller: Caller) -> None:
    if request.method not in caller.methods:
        raise MethodNotAllowed(tuple(caller.methods))
    if not caller.may_come_from(request.source_ip):
        raise Forbidden("source address is not in the caller's networks")


def _place(error: Exception) -> str:
    """Return class and place of a defect: its message may quote the request."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
