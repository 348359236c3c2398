"""The gateway as one object: for tests, for the demo and for the command line."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from local import http
from local.gateway.context import apply_variables, provided_variables
from local.gateway.custom import CustomInstance
from local.gateway.errors import invalid_argument
from local.gateway.instance import Instance
from local.gateway.message import BODY, Request, new_request_id
from local.gateway.settings import CUSTOM, Credentials, Settings
from local.gateway.trigger import Trigger, event_driven, invoked_function
from local.http import LOOPBACK, Answer, MalformedError, Server

Handler = Callable[[Request], Answer]
Wrap = Callable[[Handler], Handler]
_GRACE_SECONDS = 1


class Gateway:
    """Serves the function `module:attribute` on 127.0.0.1 while the `with` block runs.

    `port` 0 picks a free port; `settings` are the fields of `Settings` (`runtime`, `timeout`, …).
    `credentials` may be assigned at any time, None for a function without a role: the next invocation has them.
    `wrap` may be assigned before the block. It gets the handler of function and platform, and returns the handler
    that answers requests in its place.
    `beside` are gateways that are not entered, by the first segment of their paths: their functions are served here,
    as the routes of a custom domain do it.

    A custom runtime has its own process. A built-in one uses the environment of this process, so there may be only one
    gateway per process at a time. The environment is restored on exit. The function's module keeps its state for the
    next gateway.
    """

    def __init__(
        self,
        handler: str,
        *,
        port: int = 0,
        credentials: Credentials | None = Credentials(),  # noqa: B008 - immutable
        beside: "Mapping[str, Gateway] | None" = None,
        **settings: Any,
    ) -> None:
        self.settings = Settings(handler, **settings)
        self.credentials = credentials
        self.port = port
        self.beside = dict(beside or {})
        self.wrap: Wrap = lambda handler: handler

    @property
    def url(self) -> str:
        """Where the gateway listens, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def invoke(self, payload: bytes) -> bytes:
        """Invoke the function directly: `payload` is the event, the result comes back serialised.

        Raises:
            FunctionError: the function failed.
        """
        return self._invoke(payload, new_request_id())

    def serving(self, request: Request) -> "Gateway":
        """Return the gateway whose function answers a request: this one, or one of `beside`."""
        segment = request.path.removeprefix("/").partition("/")[0]
        name = invoked_function(request)
        for path, gateway in self.beside.items():
            if name == gateway.settings.function_name or (name is None and segment == path):
                return gateway
        return self

    def __enter__(self) -> "Gateway":  # noqa: PYI034 - Python 3.10 has no Self
        """Import the function, then listen; return when requests are served.

        Raises:
            LoadError: the function cannot be imported.
            OSError: the port is taken.
        """
        with ExitStack() as stack:
            for gateway in (*self.beside.values(), self):
                gateway._start(stack)  # noqa: SLF001 - a gateway, too
            handler = self.wrap(lambda request: self.serving(request)._trigger(request))  # noqa: SLF001 - a gateway, too
            server = Server(self.port, _with_request_id(handler), _refuse, BODY)
            server.start()
            stack.callback(server.close, _GRACE_SECONDS)
            self.port = server.server_port
            self._stack = stack.pop_all()
        return self

    def _start(self, stack: ExitStack) -> None:
        start = self._start_custom if self.settings.runtime == CUSTOM else self._start_built_in
        self._trigger = start(stack)
        stack.callback(self._trigger.close, 0)

    def _start_built_in(self, stack: ExitStack) -> Trigger:
        names = provided_variables(self.settings, None, "")
        stack.callback(apply_variables, {name: os.environ.get(name) for name in names})
        instance = Instance(self.settings, lambda: self.credentials)
        self._invoke = instance.invoke
        trigger = Trigger(self.settings, event_driven(self.settings, instance.invoke), instance.invoke)
        # On exit the callbacks run in reverse: the queue is emptied before the instance ends the running request.
        stack.callback(trigger.close, _GRACE_SECONDS)
        stack.callback(instance.close, _GRACE_SECONDS)
        return trigger

    def _start_custom(self, stack: ExitStack) -> Trigger:
        instance = CustomInstance(self.settings, lambda: self.credentials)
        self._invoke = instance.invoke
        trigger = Trigger(self.settings, instance.prepare, instance.invoke)
        stack.callback(instance.close)
        stack.callback(trigger.close, _GRACE_SECONDS)
        return trigger

    def __exit__(self, *exception: object) -> None:
        """End every connection and thread, wait a second for what runs in the function, put the environment back."""
        self._stack.close()


def _with_request_id(handler: Handler) -> Callable[[http.Request], Answer]:
    def respond(received: http.Request) -> Answer:
        request = Request(**vars(received))
        return handler(request).with_headers({"X-Fc-Request-Id": request.request_id})

    return respond


def _refuse(error: MalformedError) -> Answer:
    """Answer a request that cannot be read, which is always the client's fault."""
    request_id = new_request_id()
    return invalid_argument(str(error)).answer(request_id).with_headers({"X-Fc-Request-Id": request_id})
