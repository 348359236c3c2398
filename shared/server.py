"""`python -m shared.server MODULE:FUNCTION`: serves a function on a custom runtime; the door to gunicorn.

One worker with threads: a request spends its time waiting for CCC, and all requests of the instance share the store in
memory and the connections. waitress, which asks every connection before each step of its loop, takes twice the CPU or
more at a hundred of them (docs/performance.md).
"""

from __future__ import annotations

import argparse
import importlib
import os
import socket
import sys
from collections.abc import Sequence

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from shared.function import Function
from shared.wsgi import Application, application

_DEFAULT_PORT = 9000
_BACKLOG = 512


class _QuietLogger(Logger):  # type: ignore[misc] # untyped
    """Tells of workers that died, and of an exception no more than its class: all else may quote a request."""

    def exception(self, *_: object, **__: object) -> None:
        self.error("%s", type(sys.exc_info()[1]).__name__)


class _Server(BaseApplication):  # type: ignore[misc] # untyped
    """gunicorn, with settings that are ours alone: no file and no variable of the environment is read."""

    def __init__(self, function: Function, listener: socket.socket, concurrency: int) -> None:
        self._application = application(function)
        self._own = {
            "bind": f"fd://{listener.fileno()}",
            "backlog": _BACKLOG,
            "worker_class": "gthread",
            "workers": 1,
            "threads": concurrency,
            # Nothing waits in a queue: connections are not more than the platform opens for so many requests.
            "worker_connections": 4 * concurrency,
            # The platform wants its idle connections kept for 15 minutes at least: a POST on one that is closed fails.
            "keepalive": 3600,
            # A worker that was frozen with its instance would be taken for one that hangs, and killed.
            "timeout": 0,
            "graceful_timeout": 5,
            # As much as the platform takes: 4 KB of path and query, 8 KB of headers, and its own on top.
            "limit_request_line": 8190,
            "limit_request_field_size": 16_380,
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
        return _fail(f"cannot listen on {options.host}:{options.port}: {os.strerror(error.errno or 0)}", 1)
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
    add("--port", type=int, default=port, help="0 picks a free one (default: FC_CUSTOM_LISTEN_PORT, else 9000)")
    add("--concurrency", type=int, default=50, help="requests at a time: instanceConcurrency (default: %(default)s)")
    return result


if __name__ == "__main__":
    sys.exit(main())
