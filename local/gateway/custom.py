"""One instance of a custom runtime: a web server in a process of its own, to which requests are passed on as they came.

    request → the instance's server, with the context and the role's credentials in `x-fc-*` headers → answer

The server is started with the command of the deployed one; `FC_CUSTOM_LISTEN_PORT` sets its port (documented).
"""

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from local.gateway.context import new_instance_id, provided_variables
from local.gateway.errors import INITIALIZATION, FunctionError, timed_out
from local.gateway.event import canonical_header_name
from local.gateway.message import Request
from local.gateway.response import is_reserved
from local.gateway.settings import Credentials, Settings
from local.http import LOOPBACK, Answer

_GRACE_SECONDS = 10
_COMMAND = (sys.executable, "-m", "shared.server")
# Headers for one connection only; they are not passed on.
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "upgrade")


class CustomInstance:
    """The current instance. After it has ended, the next request starts a new one.

    Raises:
        FunctionError: the server ends before it listens.
    """

    def __init__(self, settings: Settings, credentials: Callable[[], Credentials | None]) -> None:
        self._settings = settings
        self._credentials = credentials
        self._places = threading.BoundedSemaphore(settings.concurrency)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._initialized = False
        with self._turn:
            self._start()

    def prepare(self, request: Request) -> Callable[[], Answer]:
        """Return a function that passes requests on to the server.

        The instance takes `concurrency` requests at a time, others wait. An instance that drops the connection: 502
        (documented for POST).
        """
        return partial(self._pass_on, request)

    def invoke(self, event: bytes, request_id: str) -> bytes:
        """Invoke directly with `POST /invoke`; only the body of the answer counts (documented)."""
        headers = (("Content-Type", "application/octet-stream"),)
        return self._pass_on(Request("POST", "/invoke", headers, event, request_id=request_id)).body

    def close(self) -> None:
        """End the server after its running requests."""
        with self._turn:
            if self._process:
                self._process.send_signal(signal.SIGTERM)
                try:
                    self._process.wait(_GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
                self._log.join(_GRACE_SECONDS)

    def _pass_on(self, request: Request) -> Answer:
        with self._places:
            with self._turn:
                if self._process is None or self._process.poll() is not None:
                    self._start()
                if not self._initialized:
                    hook = Request("POST", "/initialize", request_id=request.request_id)
                    if self._exchange(hook, self._settings.initializer_timeout).status >= 400:  # noqa: PLR2004 - a failure
                        raise FunctionError({"errorMessage": "the initializer failed"}, INITIALIZATION)
                    self._initialized = True
            return self._exchange(request, self._settings.timeout)

    def _start(self) -> None:
        """Start the server and wait until it says where it listens."""
        self._initialized = False
        provided = provided_variables(self._settings, None, new_instance_id())
        variables = {name: value for name, value in {**os.environ, **provided}.items() if value is not None}
        self._process = subprocess.Popen(  # noqa: S603 - the command of s.yaml, with this Python
            (*_COMMAND, self._settings.handler, "--concurrency", str(self._settings.concurrency)),
            env={**variables, "FC_CUSTOM_LISTEN_PORT": "0"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        words = self._process.stdout.readline().split()
        if not words:
            self._process.stdout.close()
            raise FunctionError({"errorMessage": f"the server ended with code {self._process.wait()}"}, INITIALIZATION)
        self._port = urlsplit(words[-1]).port or 0
        # The log goes where the platform's would.
        self._log = threading.Thread(target=_copy, args=(self._process,), name="log", daemon=True)
        self._log.start()

    def _exchange(self, request: Request, timeout: float) -> Answer:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=timeout)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in (*_passed_on(request), *self._context(request.request_id).items()):
                connection.putheader(name, value.encode("latin-1", "replace"))
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            response = connection.getresponse()
            headers = {
                canonical_header_name(name): value
                for name, value in response.getheaders()
                if not is_reserved(name, value)
            }
            return Answer(response.status, headers, response.read())
        except TimeoutError:
            raise timed_out(timeout) from None
        except (OSError, http.client.HTTPException):
            raise FunctionError({"errorMessage": "the server closed the connection"}) from None
        finally:
            connection.close()

    def _context(self, request_id: str) -> Mapping[str, str]:
        """Return the headers with the context for a custom runtime (documented), including the role's credentials."""
        role = self._credentials() or Credentials("", "", "")
        settings = self._settings
        return {
            "x-fc-request-id": request_id,
            "x-fc-access-key-id": role.access_key_id,
            "x-fc-access-key-secret": role.access_key_secret,
            "x-fc-security-token": role.security_token,
            "x-fc-function-handler": settings.function_handler,
            "x-fc-function-memory": str(settings.memory),
            "x-fc-function-name": settings.function_name,
            "x-fc-region": settings.region,
            "x-fc-account-id": settings.account_id,
        }


def _passed_on(request: Request) -> list[tuple[str, str]]:
    """Return the client's headers without those that only the platform may set (documented)."""
    return [
        (name, value)
        for name, value in request.headers
        if name.lower() not in _HOP_BY_HOP and not name.lower().startswith("x-fc-")
    ]


def _copy(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    with process.stdout as lines:
        for line in lines:
            sys.stdout.write(line)
            sys.stdout.flush()
