"""One HTTP request to the upstream, sent at most once and over by its deadline: the door to urllib3.

What an HTTP client usually does for its user is left out on purpose: no redirect is followed (the security token would
go with it), no proxy of the environment is used, nothing is sent again. An `Exchange` knows how far its request has
got and when it has to be over: every step of a socket waits for no longer than is left. The one step that cannot be
told how long to wait, the look-up of a name, runs in a thread that is left behind.
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
from typing import Any, NamedTuple, cast

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    InvalidHeader,
    NameResolutionError,
    NewConnectionError,
)

from shared import bounded
from shared.idle import LastUse

# CCC's answer about a call has a few kilobytes.
MAX_ANSWER_BYTES = 1_048_576
# As many connections as an instance may have requests at once.
_POOL_SIZE = 200
_PIECE_BYTES = 65_536
_LEAST_STATUS, _BODILESS = 200, (204, 304)
# The first requests of an instance may come side by side, and reading the authorities takes its time.
_building = threading.Lock()

# urllib3 writes URLs, and with them phone numbers, to its log.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


class TransportError(Exception):
    """No usable answer; the text is the name of the cause, never its message, which quotes the URL."""


class NotSentError(TransportError):
    """The request did not leave: no name, no route, refused, connect timeout, TLS; or its deadline had passed."""


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
    """One request: how far it has got, and when it has to be over.

    Attributes:
        sent: whether anything of the request may have left this machine.
    """

    def __init__(self, deadline: float) -> None:
        """Begin an exchange; from `deadline` (by `time.monotonic()`) on nothing is sent and nothing is waited for."""
        self.sent = False
        self.deadline = deadline

    def left_s(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: none.
        """
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("deadline passed")
        return left_s

    def begin(self) -> None:
        """Note that the request is about to be sent.

        Raises:
            NotSentError: it is too late: a process that was frozen in between wakes here.
        """
        if time.monotonic() >= self.deadline:
            raise NotSentError("deadline passed")
        self.sent = True

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make this the exchange of the requests that the block sends in this thread."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Exchange] = ContextVar("exchange")


class _Bounded:
    """A socket of which no step waits for longer than is left of the exchange; its own timeout bounds each of them too.

    The timeout alone would let an upstream that drips hold the caller for ever.
    """

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        # What has come already is read even after the deadline: a process that was frozen learns how it ended.
        self._bound(max(0.0, _current.get().deadline - time.monotonic()))
        received: int = super().recv_into(*args, **kwargs)  # type: ignore[misc] # a socket's
        return received

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self._bound(_current.get().left_s())
        super().sendall(*args, **kwargs)  # type: ignore[misc] # a socket's

    def _bound(self, left_s: float) -> None:
        sock: Any = self
        sock.settimeout(min(sock.gettimeout(), left_s))


class _Socket(_Bounded, socket.socket):
    pass


class _TlsSocket(_Bounded, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the standard library's signature
        self._bound(_current.get().left_s())
        super().do_handshake(block)


class _Connection(HTTPConnection):
    """A connection that asks its exchange before it sends, and is not used again once it was idle for long."""

    # When it last began to carry a request.
    last_use: LastUse | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the pool may give it out again: not if it was idle for long."""
        return self.last_use is not None and not self.last_use.is_long_ago() and super().is_connected

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        _current.get().begin()
        self.last_use = LastUse()
        super().endheaders(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        """Return a connected socket, as urllib3 does, but with its name looked up in time; TLS comes on top of it."""
        try:
            return self._connected()
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from None
        except (bounded.OverdueError, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from None
        # A label that no name can have, or no thread to look it up.
        except (OSError, UnicodeError, RuntimeError) as error:
            raise NewConnectionError(self, f"no connection: {type(error).__name__}") from None

    def _connected(self) -> socket.socket:
        deadline, connect_s = _current.get().deadline, cast("float", self.timeout)
        look_up = functools.partial(socket.getaddrinfo, self.host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        addresses = bounded.run(look_up, min(deadline, time.monotonic() + connect_s))
        failure: OSError = socket.gaierror("no address")
        for family, kind, protocol, _, address in addresses:
            try:
                return self._connect_to(_Socket(family, kind, protocol), address)
            except OSError as error:
                failure = error
        raise failure

    def _connect_to(self, sock: _Socket, address: Any) -> _Socket:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(min(cast("float", self.timeout), _current.get().left_s()))
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


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
        context.sslsocket_class = _TlsSocket
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
        read_s: seconds between two parts of the answer; the whole is bounded by the exchange.

    Raises:
        NotSentError: nothing was sent.
        LostError: sent, and no whole answer.
        UnreadableError: a whole answer that cannot be used.
    """
    exchange = _current.get()
    try:
        with _building:
            connections = pools(tls=url.startswith("https:"))
        response = connections.urlopen(
            method,
            url,
            body=body,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=urllib3.Timeout(connect=connect_s, read=read_s),
        )
        content = _whole(response)
    # A ValueError is what http.client says of a chunk of negative length.
    except (HTTPError, OSError, ValueError) as error:
        raise _kind_of(error, sent=exchange.sent)(type(error).__name__) from None
    names = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, response.reason or "", names, content)


def _whole(response: urllib3.BaseHTTPResponse) -> bytes:
    """Return the body; where it is none that can be used, the connection is not used again either."""
    try:
        return b"".join(_pieces(response))
    except Exception:
        response.close()
        raise


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the body in pieces, so that what is compressed is unpacked within the deadline.

    Raises:
        UnreadableError: no answer has such a status, or it is too long.
    """
    if response.status < _LEAST_STATUS or response.status in _BODILESS:
        # The real answer may follow, and would be taken for that to the next request.
        raise UnreadableError(f"status {response.status}")
    size = 0
    while piece := response.read(_PIECE_BYTES, decode_content=True):
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise UnreadableError("oversized")
        yield piece


def _kind_of(error: Exception, *, sent: bool) -> type[TransportError]:
    if not sent:
        return NotSentError
    # A ProtocolError holds its cause, if it has one, as its last argument.
    cause = error.args[-1] if error.args else None
    lost = isinstance(cause, (http.client.RemoteDisconnected, http.client.IncompleteRead))
    garbled = isinstance(cause, http.client.HTTPException) and not lost
    return UnreadableError if garbled or isinstance(error, (DecodeError, InvalidHeader, ValueError)) else LostError
