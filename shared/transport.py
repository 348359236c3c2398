"""One HTTP request to the upstream, sent at most once: the door to urllib3.

What an HTTP client usually does for its user is left out on purpose: no redirect is followed (the security token would
go with it), no proxy of the environment is used, nothing is sent again. An `Exchange` knows how far its request has
got and can be cancelled from another thread; from then on nothing of it leaves this machine.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import DecodeError, HTTPError, InvalidHeader

from shared.idle import LastUse

# CCC's answer about a call has a few kilobytes.
MAX_ANSWER_BYTES = 1_048_576
# As many connections as an instance may have requests at once.
_POOL_SIZE = 200

# urllib3 writes URLs, and with them phone numbers, to its log.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


class TransportError(Exception):
    """No usable answer; the text is the name of the cause, never its message, which quotes the URL."""


class NotSentError(TransportError):
    """The request did not leave: no name, no route, refused, connect timeout, TLS; or it was cancelled before."""


class LostError(TransportError):
    """The request was sent and no whole answer came: outcome unknown."""


class UnreadableError(TransportError):
    """An answer came that is too long or wrongly compressed."""


class Answer(NamedTuple):
    """What the upstream answered, as it stands on the wire, but decompressed."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class Exchange:
    """One request and how far it has got.

    Attributes:
        sent: whether anything of the request may have left this machine.
    """

    # One lock for all: it is held for microseconds, and makes sure that a cancelled exchange never shuts a connection
    # which the pool has already given to another one.
    _lock = threading.Lock()

    def __init__(self, deadline: float) -> None:
        """Begin an exchange; from `deadline` (by `time.monotonic()`) on nothing of it is sent."""
        self.sent = False
        self._deadline = deadline
        self._cancelled = False
        self._connection: _Tracked | None = None

    def begin(self, connection: _Tracked) -> None:
        """Note that the request is about to be sent over this connection.

        Raises:
            NotSentError: the exchange was cancelled, or its deadline has passed: a process that was frozen in between
                wakes here before whoever is to cancel the exchange.
        """
        with self._lock:
            if self._cancelled or time.monotonic() >= self._deadline:
                raise NotSentError("cancelled")
            self.sent = True
            self._connection = connection
            connection.exchange = self

    def cancel(self) -> bool:
        """Send nothing from now on, stop waiting for an answer, and return whether the request may have been sent."""
        with self._lock:
            self._cancelled = True
            connection = self._connection
            if connection is not None and connection.exchange is self and connection.sock is not None:
                with contextlib.suppress(OSError):
                    # The plain socket's method: SSLSocket's own would take the TLS state from under the reader.
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
        return self.sent

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make this the exchange of the requests that the block sends in this thread."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Exchange] = ContextVar("exchange")


class _Tracked(HTTPConnection):
    """A connection that asks its exchange before it sends."""

    exchange: Exchange | None = None
    # When it last began to carry a request.
    last_use: LastUse | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the pool may give it out again: not if it was idle for long."""
        return self.last_use is not None and not self.last_use.is_long_ago() and super().is_connected

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        _current.get().begin(self)
        self.last_use = LastUse()
        super().endheaders(*args, **kwargs)


class _TrackedTls(_Tracked, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Tracked


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TrackedTls


@functools.lru_cache(maxsize=2)
def pools(*, tls: bool) -> urllib3.PoolManager:
    """Return the connections of this process.

    They outlive an invocation, since a TLS handshake costs more than the call; they carry nothing of a caller. Servers
    are verified against the system's authorities (or those that `SSL_CERT_FILE` names) and certifi's, as the SDK does.
    """
    context = None
    if tls:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
    manager = urllib3.PoolManager(maxsize=_POOL_SIZE, ssl_context=context)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return manager


def send(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, connect_s: float, read_s: float
) -> Answer:
    """Send one request within `Exchange.current()` and return the answer, whatever its status.

    Args:
        method: upper case.
        url: absolute, `http` or `https`.
        headers: sent as they are.
        body: or none.
        connect_s: seconds to connect.
        read_s: seconds between two parts of the answer; the whole is bounded by whoever cancels the exchange.

    Raises:
        NotSentError: nothing was sent.
        LostError: sent, and no whole answer.
        UnreadableError: a whole answer that cannot be used.
    """
    exchange = _current.get()
    try:
        response = pools(tls=url.startswith("https:")).urlopen(
            method,
            url,
            body=body,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=urllib3.Timeout(connect=connect_s, read=read_s),
        )
        content = response.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        if len(content) > MAX_ANSWER_BYTES:
            response.close()
            raise UnreadableError("oversized")
    except (HTTPError, OSError) as error:
        raise _kind_of(error, sent=exchange.sent)(type(error).__name__) from None
    names = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, response.reason or "", names, content)


def _kind_of(error: Exception, *, sent: bool) -> type[TransportError]:
    if not sent:
        return NotSentError
    # A ProtocolError holds its cause, if it has one, as its last argument.
    cause = error.args[-1] if error.args else None
    lost = isinstance(cause, (http.client.RemoteDisconnected, http.client.IncompleteRead))
    garbled = isinstance(cause, http.client.HTTPException) and not lost
    return UnreadableError if garbled or isinstance(error, (DecodeError, InvalidHeader)) else LostError
