"""`python -m shared.server MODULE:FUNCTION`: serves a function on a custom runtime; the door to waitress.

One process: a thread that reads and writes, and a pool of threads for the requests, which spend their time waiting for
CCC and share the store in memory and the connections. A server with a process that watches over its workers would need
the memory of both, and the platform watches over the instance already.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

from waitress.server import create_server

from shared.function import Function
from shared.wsgi import application

_DEFAULT_PORT = 9000
_BACKLOG = 512
# More than the platform opens for 200 requests at a time, which are the most that an instance may have.
_MOST_CONNECTIONS = 1000
# The platform wants its idle connections kept for 15 minutes at least: a POST on one that is closed fails. An instance
# that is thawed after hours must not close them either.
_NEVER_S = 10 * 365 * 86_400


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code: 0 after a signal, 1 without a port, 2 for no function.

    Requests that run come to their end before, if that takes no longer than 5 s.
    """
    options = parser().parse_args(arguments)
    try:
        function = _load(options.function)
    except (ImportError, AttributeError, ValueError) as error:
        return _fail(f"{options.function}: {type(error).__name__}: {error}", 2)
    try:
        listener = socket.create_server((options.host, options.port), backlog=_BACKLOG)
    except OSError as error:
        return _fail(f"cannot listen on {options.host}:{options.port}: {os.strerror(error.errno or 0)}", 1)
    # It quotes paths, and tells of each request that has to wait for a thread.
    logging.getLogger("waitress").setLevel(logging.CRITICAL + 1)
    server = create_server(
        application(function),
        sockets=[listener],
        threads=options.concurrency,
        backlog=_BACKLOG,
        connection_limit=_MOST_CONNECTIONS,
        channel_timeout=_NEVER_S,
        # Headers reach the callers' expressions as with the HTTP trigger; nothing else believes what a proxy is to set.
        clear_untrusted_proxy_headers=False,
        # Whose product serves is nobody's concern.
        ident=None,
        asyncore_use_poll=True,
    )
    signal.signal(signal.SIGTERM, _end)
    host, port = listener.getsockname()[:2]
    sys.stdout.write(f"listening on http://{host}:{port}\n")
    sys.stdout.flush()
    # Both signals end it here.
    server.run()
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit


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
