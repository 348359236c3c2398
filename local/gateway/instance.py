"""One instance of a built-in runtime: the function found by name, its initializer once, one invocation at a time."""

import concurrent.futures
import importlib
import json
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from local.gateway.context import apply_variables, build_context, new_instance_id, provided_variables
from local.gateway.errors import INITIALIZATION, UNHANDLED, FunctionError, exited, timed_out, uncaught
from local.gateway.settings import Credentials, Settings
from local.gateway.worker import Worker

Hook = Callable[..., Any]


# One for all instances, because built-in runtimes share the environment of this process.
_TURN = threading.Lock()


class LoadError(Exception):
    """A `module:attribute` that leads to no function; the text says on one line what was found."""


class Instance:
    """The current instance. When the platform would replace it, the next invocation gets a fresh one.

    That is after a timeout, an exit and a failed initializer (documented for the initializer, inferred else). A fresh
    one runs the initializer again in a new thread, but in the same process: module state stays, and a function that
    hangs goes on in the thread left behind. `os._exit` ends the gateway itself.

    Raises:
        LoadError: handler or initializer cannot be loaded.
    """

    def __init__(self, settings: Settings, credentials: Callable[[], Credentials | None]) -> None:
        self._settings = settings
        self._credentials = credentials
        self._closed = False
        self._initialized = False
        self._id = new_instance_id()
        # Applied before the import, for functions that read the environment there.
        self._apply_environment()
        self._handler = load(settings.handler)
        self._initializer = load_initializer(settings.handler, settings.initializer)
        self._worker: Worker[bytes] = Worker("function-instance")

    def invoke(self, event: bytes, request_id: str) -> bytes:
        """Wait for the turn, run the handler and return what it returned, serialised.

        Raises:
            FunctionError: the function failed, or its initializer did.
        """
        with _TURN:
            if self._closed:
                raise FunctionError({"errorMessage": "the gateway is closed"})
            self._apply_environment()
            context = build_context(self._settings, request_id, self._credentials())
            try:
                if self._initializer and not self._initialized:
                    job = partial(_initialize, self._initializer, context)
                    self._run(job, self._settings.initializer_timeout, INITIALIZATION)
                    self._initialized = True
                return self._run(partial(_handle, self._handler, event, context), self._settings.timeout, UNHANDLED)
            finally:
                # Without it, log lines come late or never if stdout is a pipe.
                sys.stdout.flush()

    def close(self, grace: float) -> None:
        """Let no invocation begin; wait up to `grace` seconds for a running one, then leave it behind."""
        self._closed = True
        # While this lock is held, no invocation can begin.
        idle = _TURN.acquire(timeout=grace)
        self._worker.stop(grace if idle else 0)
        if idle:
            _TURN.release()

    def _run(self, job: Callable[[], bytes], timeout: float, error_type: str) -> bytes:
        future = self._worker.submit(job)
        try:
            # Returns what the job raised, even a TimeoutError; raises one itself only when the wait is over.
            raised = future.exception(timeout)
        except concurrent.futures.TimeoutError:
            self._replace()
            raise timed_out(timeout, error_type) from None
        if raised is None:
            return future.result()
        if not isinstance(raised, Exception) or error_type == INITIALIZATION:
            self._replace()
        raise uncaught(raised, error_type) if isinstance(raised, Exception) else exited(raised, error_type)

    def _replace(self) -> None:
        self._worker.stop()
        self._worker = Worker("function-instance")
        self._initialized = False
        self._id = new_instance_id()

    def _apply_environment(self) -> None:
        apply_variables(provided_variables(self._settings, self._credentials(), self._id))


def load(name: str) -> Hook:
    """Return the callable that `module:attribute` names.

    Raises:
        LoadError: another form, a module that cannot be imported, no such attribute, not callable.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute.isidentifier():
        raise LoadError(f"{name!r} is not of the form module:attribute")
    module = _import(module_name)
    hook = getattr(module, attribute, None)
    if hook is None:
        callables = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise LoadError(f"{module_name} has no {attribute!r}; it has: {', '.join(callables) or 'no functions'}")
    if not callable(hook):
        raise LoadError(f"{name} is of type {type(hook).__name__}, not a function")
    result: Hook = hook
    return result


def load_initializer(handler: str, initializer: str | None) -> Hook | None:
    """Return the initializer: the one named, else `initialize` beside the handler, else None.

    Raises:
        LoadError: as `load`; a module without `initialize` is none.
    """
    module = handler.partition(":")[0]
    if initializer is None and not hasattr(_import(module), "initialize"):
        return None
    return load(initializer or f"{module}:initialize")


def serialise(value: object) -> bytes:
    """Return a handler's result as bytes: str and bytes as they are, all else as JSON (documented by third parties).

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot hold the value.
    """
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _handle(handler: Hook, event: bytes, context: object) -> bytes:
    return serialise(handler(event, context))


def _initialize(initializer: Hook, context: object) -> bytes:
    initializer(context)
    return b""


def _import(name: str) -> object:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as exception:
        reason = " ".join(str(exception).split())
        raise LoadError(f"cannot import {name}: {type(exception).__name__}: {reason}") from exception
