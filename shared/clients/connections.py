"""The connections of this process: opened in time, verified, and kept for the next request to the same server.

They outlive an invocation, since a TLS handshake costs more than the call; they hold no data of a caller. The look-up
of a name takes no timeout, so it runs in a thread that is left behind.
"""

from __future__ import annotations

import atexit
import contextlib

# Python imports it for the first name that is looked up. Should that fail for want of a descriptor or of memory, it
# remembers that there is no such encoding: no name could be looked up any more.
import encodings.idna  # noqa: F401
import functools
import io
import os
import select
import socket
import ssl
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, cast

from shared.clients.deadline import OverdueError, run_within
from shared.clients.exchange import Exchange, Socket, Tls, current
from shared.clients.idle import LastUse

# As many as an instance may have requests at once.
_MOST_IDLE = 200
_PORTS = {"http": 80, "https": 443}
# What `make package` makes of certifi.
_PACKAGED = Path(__file__).parents[2] / "authorities"
# The first requests of an instance may come side by side, and reading the authorities takes its time.
_building = threading.Lock()

# OpenSSL gets ready with the first one. Should that fail for want of memory, it would have no ciphers ever after.
ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Connection:
    """A connection to one server, opened when the first request is sent, which asks its exchange before it sends."""

    sock: Socket | Tls | None = None
    # When it last began to carry a request.
    _last_use: LastUse | None = None

    def __init__(self, scheme: str, host: str, port: int | None) -> None:
        """Name the server.

        Args:
            scheme: `http` or `https`.
            host: a name or an address, without brackets.
            port: `None` for the scheme's own.
        """
        self.server = (scheme, host, port)
        self.host, self.port = host, port or _PORTS[scheme]
        self.connect_s = self.read_s = 0.0

    @property
    def name(self) -> str:
        """What a request names the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.server[0]] else f"{host}:{self.port}"

    def is_usable(self) -> bool:
        """Whether it is open, was used lately, and nothing has come that nobody has asked for, as its end would."""
        if self.sock is None or self._last_use is None or self._last_use.is_long_ago():
            return False
        if isinstance(self.sock, Tls) and self.sock.has_more():
            return False
        poll = select.poll()
        poll.register(self.sock.fileno(), select.POLLIN)
        return not poll.poll(0)

    def send(self, request: bytes) -> io.BufferedReader:
        """Send a request, if it is not too late for that, and return what its answer is read from."""
        if self.sock is None:
            self.connect()
        sock = cast("Socket | Tls", self.sock)
        current().begin()
        self._last_use = LastUse()
        sock.patience_s = self.read_s
        sock.sendall(request)
        return sock.makefile("rb")

    def close(self) -> None:
        """Close it, if it is open."""
        if self.sock:
            self.sock.close()
        self.sock = None

    def connect(self) -> None:
        """Open it; shaking hands takes as long as connecting may, and receives no more than headers may have."""
        context = _tls_context() if self.server[0] == "https" else None
        until = min(current().deadline, time.monotonic() + self.connect_s)
        self.sock = sock = self._connected(until)
        if context:
            with Exchange(until).current():
                self.sock = Tls(sock, context, self.host.rstrip("."))

    def _connected(self, until: float) -> Socket:
        resolve = functools.partial(socket.getaddrinfo, self.host, self.port, type=socket.SOCK_STREAM)
        try:
            addresses = run_within(resolve, until)
        except OverdueError:
            raise TimeoutError("no address in time") from None
        failure: OSError = socket.gaierror("no address")
        for family, kind, protocol, _, address in addresses:
            try:
                return self._connect_to(Socket(family, kind, protocol), address)
            except OSError as error:
                failure = error
        raise failure

    def _connect_to(self, sock: Socket, address: Any) -> Socket:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.patience_s = self.connect_s
            sock.settimeout(min(self.connect_s, current().left_s()))
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock


_idle: deque[Connection] = deque()
_taking = threading.Lock()


def take(scheme: str, host: str, port: int | None) -> Connection:
    """Return a connection to a server: the one used last that is still good, or a new one."""
    while kept := _kept((scheme, host, port)):
        if kept.is_usable():
            return kept
        kept.close()
    return Connection(scheme, host, port)


def _kept(server: tuple[str, str, int | None]) -> Connection | None:
    with _taking:
        for connection in reversed(_idle):
            if connection.server == server:
                _idle.remove(connection)
                return connection
    return None


def keep(connection: Connection) -> None:
    """Keep a connection for the next request; close the oldest if there are too many."""
    with _taking:
        _idle.append(connection)
        oldest = _idle.popleft() if len(_idle) > _MOST_IDLE else None
    if oldest:
        oldest.close()


def forget() -> None:
    """Close the kept connections, and forget the certificate authorities."""
    while _idle:
        _idle.pop().close()
    _authorities.cache_clear()


atexit.register(forget)


def _tls_context() -> ssl.SSLContext:
    with _building:
        return _authorities()


@functools.lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    """Return what verifies servers: by certifi's authorities, those of `SSL_CERT_FILE`, and the system's.

    A package has certifi's in a folder, of which only the one that is needed is read, as of the system's folder or
    `SSL_CERT_DIR`. A file is read whole: the system's own only where nothing is packaged.
    """
    context = _shipped()
    context.set_alpn_protocols(["http/1.1"])
    system = ssl.get_default_verify_paths()
    if system.capath:
        context.load_verify_locations(capath=system.capath)
    if system.cafile and (system.openssl_cafile_env in os.environ or not _PACKAGED.is_dir()):
        # A file without a certificate is passed over, as Python does.
        with contextlib.suppress(ssl.SSLError):
            context.load_verify_locations(system.cafile)
    return context


def _shipped() -> ssl.SSLContext:
    if _PACKAGED.is_dir():
        return ssl.create_default_context(capath=_PACKAGED)
    import certifi  # noqa: PLC0415 - a package has none

    return ssl.create_default_context(cafile=certifi.where())
