"""What the platform does between an HTTP request and the function: trigger, direct invocation, asynchronous calls."""

import re
import sys
from collections.abc import Callable
from functools import partial

from local.gateway.errors import FunctionError, RejectionError
from local.gateway.event import build_event
from local.gateway.message import Request, check_limits
from local.gateway.response import answer_from
from local.gateway.settings import Settings
from local.gateway.worker import Worker
from local.http import Answer
from local.same_origin import is_foreign

Invoke = Callable[[bytes, str], bytes]
# From a request to what answers it; a request that cannot be one is refused before.
Prepare = Callable[[Request], Callable[[], Answer]]


class Trigger:
    """Answers requests with a function, of a built-in or a custom runtime.

    `prepare` is for the HTTP trigger; `invoke` takes event and request id of a direct invocation and returns bytes.
    Both raise FunctionError. The server calls a Trigger as `request -> answer`.
    """

    def __init__(self, settings: Settings, prepare: Prepare, invoke: Invoke) -> None:
        self._settings = settings
        self._prepare = prepare
        self._invoke = invoke
        self._queue: Worker[None] = Worker("asynchronous-invocations")

    def __call__(self, request: Request) -> Answer:
        """Return the answer to a request; failures of every kind are answers too."""
        try:
            check_limits(request)
            name = invoked_function(request)
            return self._triggered(request) if name is None else self._direct(request, name)
        except RejectionError as rejection:
            return rejection.answer(request.request_id)

    def close(self, grace: float) -> None:
        """Drop the queued invocations, wait up to `grace` seconds for the one that runs."""
        self._queue.stop(grace)

    def _triggered(self, request: Request) -> Answer:
        """Answer through the HTTP trigger.

        A method the trigger lacks never reaches the code: 403 (documented for FC 2.0; the code's name unconfirmed).
        A failed function: 502 (documented for FC 2.0, contradicted for 3.0, unconfirmed).
        """
        if request.method not in self._settings.methods:
            raise RejectionError(403, "AccessDenied", f"the trigger does not allow the method {request.method}")
        answer = self._prepare(request)
        if request.is_async:
            return self._queued(answer, request.request_id)
        try:
            return answer()
        except FunctionError as failure:
            return failure.answer(502)

    def _direct(self, request: Request, name: str) -> Answer:
        """Answer as the API InvokeFunction does, without its signature: for a loopback only.

        The body is the event, byte for byte; a failed function is 200 with `X-Fc-Error-Type` (documented). The
        content type of the answer is unconfirmed. No signature is checked, so pages of other sites are refused.
        """
        if is_foreign(request.header("host"), request.header("origin")):
            raise RejectionError(403, "AccessDenied", "a page of another site may not invoke the function")
        if name != self._settings.function_name:
            raise RejectionError(404, "FunctionNotFound", f"this gateway serves {self._settings.function_name!r}")
        if request.is_async:
            return self._queued(partial(self._invoke, request.body, request.request_id), request.request_id)
        try:
            payload = self._invoke(request.body, request.request_id)
        except FunctionError as failure:
            return failure.answer(200)
        return Answer(200, {"Content-Type": "application/octet-stream"}, payload)

    def _queued(self, run: Callable[[], object], request_id: str) -> Answer:
        """Accept an asynchronous invocation: 202, no body (documented for InvokeFunction). It runs once, in order.

        The platform would repeat a failed one, as often as the function's `asyncInvokeConfig` says.
        """
        self._queue.submit(partial(_run_queued, run, request_id))
        return Answer(202)


def invocation_path(function: str) -> str:
    """Return where a function is invoked directly."""
    return f"/2023-03-30/functions/{function}/invocations"


def invoked_function(request: Request) -> str | None:
    """Return which function a request invokes directly, `None` if it is one for the HTTP trigger."""
    found = re.fullmatch(invocation_path("([^/]+)"), request.path) if request.method == "POST" else None
    return found[1] if found else None


def event_driven(settings: Settings, invoke: Invoke) -> Prepare:
    """Return how a built-in runtime is served: each request becomes an event, what the handler returns an answer."""

    def prepare(request: Request) -> Callable[[], Answer]:
        event = build_event(request, account_id=settings.account_id, region=settings.region)
        return lambda: answer_from(invoke(event, request.request_id))

    return prepare


def _run_queued(run: Callable[[], object], request_id: str) -> None:
    try:
        run()
    except FunctionError as failure:
        # Nobody waits for an answer: the log is the only place to learn of it.
        sys.stderr.write(f"asynchronous invocation {request_id} failed: {failure.error_type}: {failure}\n")
