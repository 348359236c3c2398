"""`python -m shared.server MODULE:FUNCTION`: serves a function on a custom runtime; the door to gunicorn.

One worker with threads: a request spends its time waiting for CCC, and all requests of the instance share the store in
memory and the connections. waitress, which asks every connection before each step of its loop, takes twice the CPU or
more at a hundred of them (docs/performance.md).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import socket
import struct
import sys
from collections.abc import Sequence
from http import HTTPStatus

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from shared.envelope import body_of, headers_of
from shared.function import Function
from shared.problems import InternalError, MalformedRequest
from shared.replies import with_status_codes
from shared.wsgi import Application, application

_DEFAULT_PORT = 9000
_BACKLOG = 512
_STALLED_S = 10


class _QuietLogger(Logger):  # type: ignore[misc] # untyped
    """Tells of workers that died, and of an exception no more than its class: all else may quote a request."""

    def exception(self, *_: object, **__: object) -> None:
        self.error("%s", type(sys.exc_info()[1]).__name__)


class _Worker(ThreadWorker):  # type: ignore[misc] # untyped
    """A worker that tells what is no acceptable HTTP as all else is told; gunicorn's own page quotes the request."""

    def handle_error(self, _request: object, client: socket.socket, _address: object, error: Exception) -> None:
        is_theirs = isinstance(error, ParseException)
        response = with_status_codes(MalformedRequest("no HTTP") if is_theirs else InternalError("server"), None)
        body = body_of(response).encode()
        headers = {**headers_of(response), "Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}", *map(": ".join, headers.items())]
        with contextlib.suppress(OSError):
            client.sendall("\r\n".join([*lines, "", ""]).encode() + body)


class _Server(BaseApplication):  # type: ignore[misc] # untyped
    """gunicorn, with settings that are ours alone: no file of settings is read."""

    def __init__(self, function: Function, listener: socket.socket, concurrency: int) -> None:
        self._application = application(function)
        self._own = {
            "bind": f"fd://{listener.fileno()}",
            "backlog": _BACKLOG,
            "worker_class": _Worker,
            "workers": 1,
            "threads": concurrency,
            # Nothing waits in a queue: connections are not more than the platform opens for so many requests.
            "worker_connections": 4 * concurrency,
            # The platform wants its idle connections kept for 15 minutes at least: a POST on one that is closed fails.
            "keepalive": 3600,
            # A worker that was frozen with its instance would be taken for one that hangs, and killed.
            "timeout": 0,
            # A request ends by itself, at its deadline.
            "graceful_timeout": 600,
            # As much as the platform takes: 4 KB of path and query, 8 KB of headers, and its own on top.
            "limit_request_line": 8190,
            "limit_request_field_size": 16_380,
            "limit_request_fields": 1000,
            # The peer is the platform, and of what its headers say gunicorn is to believe nothing.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "control_socket_disable": True,
            "logger_class": _QuietLogger,
            "loglevel": "error",
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._own.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return self._application


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code: 1 without a port, 2 for a function not found."""
    options = parser().parse_args(arguments)
    try:
        function = _load(options.function)
    except (ImportError, AttributeError, ValueError) as error:
        return _fail(f"{options.function}: {type(error).__name__}: {error}", 2)
    try:
        listener = socket.create_server((options.host, options.port), backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        return _fail(f"cannot listen on {options.host}:{options.port}: {reason}", 1)
    # Connections inherit it: a body that stops coming must not hold its thread for ever.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _STALLED_S, 0))
    host, port = listener.getsockname()[:2]
    sys.stdout.write(f"listening on http://{host}:{port}\n")
    sys.stdout.flush()
    # Ends with `SystemExit` at a signal; requests that run come to their end before.
    _Server(function, listener, options.concurrency).run()
    return 0


def _load(name: str) -> Function:
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, Function):
        raise ValueError(f"of type {type(found).__name__}, not a Function")  # noqa: TRY004 - told as the others are
    return found


def _port(text: str) -> int:
    return _in(range(65_536), text)


def _concurrency(text: str) -> int:
    return _in(range(1, 201), text)


def _in(allowed: range, text: str) -> int:
    value = int(text)
    if value not in allowed:
        raise argparse.ArgumentTypeError(f"{value} is not from {allowed[0]} to {allowed[-1]}")
    return value


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def parser() -> argparse.ArgumentParser:
    """Return the reader of the command line, which `s.yaml` has as well."""
    result = argparse.ArgumentParser(prog="python -m shared.server", description=__doc__)
    add = result.add_argument
    add("function", help="module:attribute; index:FUNCTION in a package")
    add("--host", default="127.0.0.1", help="0.0.0.0 on the platform, whose proxy connects (default: %(default)s)")
    # argparse reads a default that is text as it reads an argument.
    port = os.environ.get("FC_CUSTOM_LISTEN_PORT") or str(_DEFAULT_PORT)
    add("--port", type=_port, default=port, help="0 picks a free one (default: FC_CUSTOM_LISTEN_PORT, else 9000)")
    add(
        "--concurrency",
        type=_concurrency,
        default=50,
        help="requests at a time: instanceConcurrency (default: %(default)s)",
    )
    return result


if __name__ == "__main__":
    sys.exit(main())
