"""`python -m shared.server MODULE:FUNCTION`: serves a function on a custom runtime; the door to gunicorn.

One worker with threads: a request spends its time waiting for CCC, and all requests of the instance share the store in
memory and the connections. waitress, which asks every connection before each step of its loop, takes twice the CPU or
more at a hundred of them (docs/performance.md).

No client can keep the others out. A connection is silent, busy or idle. Silent and idle ones have no thread. Each busy
one has its own, so a slow client delays itself alone; reading and writing have a time limit each. When all places are
taken, one connection is closed to free a place (`_Worker.make_room`).
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, InvalidHeader, ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

from shared.function import Function
from shared.problems import InternalError, MalformedRequest
from shared.responses.render import with_status_codes
from shared.runtime.context import PLATFORM_PREFIX
from shared.runtime.event import body_of, headers_of
from shared.server.wsgi import UNDERSCORE, Application, application, status_line

_DEFAULT_PORT = 9000
_BACKLOG = 512
# More than the platform opens for 200 requests at a time, and few enough for 1024 descriptors.
_CONNECTIONS = 256
# For a whole request, head and body; a silent connection has as long to begin with one.
_REQUEST_S = 10
# For each of the two parts of an answer, head and body.
_ANSWER_S = 5
# For what is on its way when a connection ends.
_LINGER_S = 5
# How slow a client may be before its connection is closed ahead of idle ones.
_PATIENCE_S = 1
# The platform takes 8 KB of headers, and adds its own.
_HEAD_BYTES = 32_768
# A body in very small chunks would cost forty times what refusing it does.
_CHUNKS = 1024
_READ_BYTES = 65_536

_T = TypeVar("_T")


class _QuietLogger(Logger):  # type: ignore[misc] # untyped
    """Logs workers that died, and only the class of an exception: the rest may quote a request."""

    def exception(self, *_: object, **__: object) -> None:
        error = sys.exc_info()[1]
        # A slow client is no fault of the server.
        if not isinstance(error, TimeoutError):
            self.error("%s", type(error).__name__)


class _Client(socket.socket):
    """A client's socket. A time limit is for a whole request or answer, however often a byte of it comes.

    Attributes:
        since: when the request or answer began.
        waits: whether the client is being waited for.
    """

    since = 0.0
    waits = True
    _limit_s = 0.0

    def begin(self, limit_s: float) -> None:
        self.since = time.monotonic()
        self._limit_s = limit_s

    def recv(self, size: int, flags: int = 0) -> bytes:
        # The whole size would be allocated, and the client may announce any.
        return self._wait(super().recv, min(size, _READ_BYTES), flags)

    def send(self, data: Any, flags: int = 0) -> int:
        return self._wait(super().send, data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.begin(_ANSWER_S)
        self._wait(super().sendall, data, flags)

    def linger(self) -> None:
        """End the answer, and discard what still comes: closing on unread data would destroy the answer."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            self.begin(_LINGER_S)
            while self.recv(_READ_BYTES):
                pass

    def _wait(self, step: Callable[..., _T], *arguments: object) -> _T:
        left = self.since + self._limit_s - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)
        self.waits = True
        try:
            return step(*arguments)
        finally:
            self.waits = False


class _Chunks(ChunkedReader):  # type: ignore[misc] # untyped
    """A body in chunks, with a limit on their number."""

    _count = 0

    def parse_chunk_size(self, unreader: object, data: bytes | None = None) -> tuple[int, bytes | None]:
        self._count += 1
        if self._count > _CHUNKS:
            raise InvalidChunkSize(b"too many chunks")
        parsed: tuple[int, bytes | None] = super().parse_chunk_size(unreader, data)
        return parsed


class _Request(Request):  # type: ignore[misc] # untyped
    body: Any

    def parse(self, unreader: object) -> bytes:
        self.max_buffer_headers = _HEAD_BYTES
        rest: bytes = super().parse(unreader)
        return rest

    def parse_headers(self, data: bytes, *, from_trailer: bool = False) -> list[tuple[str, str]]:
        """Refuse a platform header that comes twice or is spelled with `_`: which one is the platform's?"""
        names = [line.partition(b":")[0].decode("latin-1").lower() for line in data.split(b"\r\n")]
        ours = [name for name in names if name.replace("_", "-").startswith(PLATFORM_PREFIX)]
        if len(set(ours)) < len(ours) or "_" in "".join(ours):
            raise InvalidHeader("platform header")
        headers: list[tuple[str, str]] = super().parse_headers(data, from_trailer=from_trailer)
        # WSGI would turn each `_` into `-`; no name has this character, so both spellings arrive.
        return [(name.replace("_", UNDERSCORE), value) for name, value in headers]

    def set_body_reader(self) -> None:
        """Refuse every coding but chunks: gunicorn would hand on a body as it was compressed."""
        super().set_body_reader()
        if any(name == "TRANSFER-ENCODING" and value.lower() != "chunked" for name, value in self.headers):
            raise InvalidHeader("TRANSFER-ENCODING")
        if isinstance(self.body.reader, ChunkedReader):
            self.body = Body(_Chunks(self, self.unreader))

    def should_close(self) -> bool:
        """Close after a body that was not read to its end: the next request begins nobody knows where."""
        reader = self.body.reader
        is_unread = getattr(reader, "length", 0) > 0 or getattr(reader, "parser", None) is not None
        return is_unread or super().should_close()


class _Parser(RequestParser):  # type: ignore[misc] # untyped
    mesg_class = _Request


class _Connection(TConn):  # type: ignore[misc] # untyped
    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.parser = _Parser(self.cfg, self.sock, self.client)

    def close(self, *, graceful: bool = False) -> None:  # noqa: ARG002 - gunicorn's name
        """Close at once: gunicorn would wait for the client here, in the one thread that serves all connections."""
        util.close(self.sock)


class _Worker(ThreadWorker):  # type: ignore[misc] # untyped
    """A worker whose threads no client can occupy, and which answers invalid HTTP with a problem, as all else."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        # No answer ends its connection because there are many: `make_room` sees to that.
        self.max_keepalived = self.worker_connections
        self._busy: set[_Connection] = set()

    def accept(self, listener: socket.socket) -> None:
        """Wait for the first byte without a thread; gunicorn waits in one."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            # Else the client has gone again.
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self.make_room()
            return
        client = _Client(fileno=accepted.detach())
        client.begin(_REQUEST_S)
        connection = _Connection(self.cfg, client, address, listener.getsockname())
        connection.timeout = client.since + _REQUEST_S
        self.nr_conns += 1
        self.pending_conns.append(connection)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def enqueue_req(self, conn: _Connection) -> None:
        conn.sock.begin(_REQUEST_S)
        self._busy.add(conn)
        super().enqueue_req(conn)

    def handle(self, conn: _Connection) -> bool:
        keeps = bool(super().handle(conn))
        if not keeps:
            conn.sock.linger()
        return keeps

    def finish_request(self, conn: _Connection, fs: object) -> None:
        self._busy.discard(conn)
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Close what has been silent for too long, and keep one place free: the last step of gunicorn's loop."""
        super().murder_pending()
        if self.nr_conns >= self.worker_connections:
            self.make_room()

    def make_room(self) -> None:
        """Close one connection: the slowest client's, or the one that is idle longest. Never one whose request runs."""
        waiting = (conn for conn in (*self.pending_conns, *self._busy) if conn.sock.waits)
        slow = min(waiting, key=lambda conn: conn.sock.since, default=None)
        if self.keepalived_conns and (slow is None or time.monotonic() - slow.sock.since < _PATIENCE_S):
            self.keepalived_conns[0].timeout = 0
            self.murder_keepalived()
        elif slow in self._busy:
            # Its thread wakes up, and ends it.
            with contextlib.suppress(OSError):
                slow.sock.shutdown(socket.SHUT_RDWR)
        elif slow:
            slow.timeout = 0
            super().murder_pending()

    def handle_error(self, _request: object, client: socket.socket, _address: object, error: Exception) -> None:
        """Answer as all else is answered; gunicorn's own page quotes the request."""
        is_theirs = isinstance(error, ParseException)
        response = with_status_codes(MalformedRequest("no HTTP") if is_theirs else InternalError("server"), None)
        body = body_of(response).encode()
        headers = {**headers_of(response), "Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {status_line(response.status)}", *map(": ".join, headers.items())]
        with contextlib.suppress(OSError):
            client.sendall("\r\n".join([*lines, "", ""]).encode() + body)


class _Server(BaseApplication):  # type: ignore[misc] # untyped
    """gunicorn with fixed settings: it reads no settings file."""

    def __init__(self, function: Function, listener: socket.socket, concurrency: int) -> None:
        self._application = application(function, threading.BoundedSemaphore(concurrency))
        self._own = {
            "bind": f"fd://{listener.fileno()}",
            "backlog": _BACKLOG,
            "worker_class": _Worker,
            "workers": 1,
            # One for each busy connection, so none waits for another's client.
            "threads": _CONNECTIONS,
            "worker_connections": _CONNECTIONS,
            # The platform wants its idle connections kept for 15 minutes at least: a POST on one that is closed fails.
            "keepalive": 3600,
            # `_Request` is this one's; the other is taken where it is installed.
            "http_parser": "python",
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
            # Names with `_` are distinguished from those with `-`, see `_Request.parse_headers`.
            "header_map": "dangerous",
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
    host, port = listener.getsockname()[:2]
    # As with the log: if nobody can read it, the server still serves.
    if sys.stdout:
        with contextlib.suppress(OSError):
            sys.stdout.write(f"listening on http://{host}:{port}\n")
            sys.stdout.flush()
    # Ends with `SystemExit` at a signal; requests that run come to their end before.
    _Server(function, listener, options.concurrency).run()
    return 0


def _load(name: str) -> Function:
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, Function):
        raise ValueError(f"of type {type(found).__name__}, not a Function")  # noqa: TRY004 - reported like the others
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
