"""One HTTP request to the upstream, sent at most once and over by its deadline: the door to urllib3.

What an HTTP client usually does for its user is left out on purpose: no redirect is followed (the security token would
go with it), no proxy of the environment is used, nothing is sent again. An `Exchange` knows how far its request has
got, when it has to be over and how much it may receive. All bytes pass one socket, those of TLS as well, and each of
its steps asks the exchange: whatever a server feeds the loops of the libraries above it with, time or size ends them.
The one step that cannot be told how long to wait, the look-up of a name, runs in a thread that is left behind.
"""

from __future__ import annotations

import contextlib

# Python imports it for the first name that is looked up. Should that fail for want of a descriptor or of memory, it
# remembers that there is no such encoding: no name could be looked up any more.
import encodings.idna  # noqa: F401
import functools
import http.client
import logging
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, InvalidHeader, NameResolutionError, NewConnectionError
from urllib3.util.ssltransport import SSL_BLOCKSIZE, SSLTransport

from shared.clients.deadline import OverdueError, run_within
from shared.clients.idle import LastUse

Received = TypeVar("Received")

# CCC's answer about a call has a few kilobytes.
MAX_ANSWER_BYTES = 1_048_576
# What may be received: before the body (interim answers and headers, or a handshake of TLS), for the body with all that
# it is wrapped in (chunks, trailers, records of TLS), and after the deadline.
_HEAD_BYTES, _WRAPPED_BYTES, _LATE_BYTES = 65_536, 2 * MAX_ANSWER_BYTES, 65_536
# As many connections as an instance may have requests at once.
_POOL_SIZE = 200
_PIECE_BYTES = 65_536
_LEAST_STATUS, _BODILESS = 200, (204, 304)
# For zlib; what is called deflate comes with and without its header.
_WINDOW_BITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
# The first requests of an instance may come side by side, and reading the authorities takes its time.
_building = threading.Lock()

# OpenSSL gets ready with the first one. Should that fail for want of memory, it would have no ciphers ever after.
ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# urllib3 writes URLs, and with them phone numbers, to its log.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


class TransportError(Exception):
    """No usable answer; the text names the cause and never has the message of an exception, which quotes the URL.

    Behind a name that cannot be resolved that name stands.
    """


class NotSentError(TransportError):
    """The request did not leave: no name, no route, refused, connect timeout, TLS, deadline, no memory."""


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
    """One request: how far it has got, when it has to be over, and how much it may receive.

    Attributes:
        sent: whether anything of the request may have left this machine.
    """

    def __init__(self, deadline: float) -> None:
        """Begin an exchange; from `deadline` (by `time.monotonic()`) on nothing is sent and nothing is waited for."""
        self.sent = False
        self.deadline = deadline
        self._room = _HEAD_BYTES

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

    def expect_body(self) -> None:
        """Note that the headers are read."""
        self._room = _WRAPPED_BYTES

    def patience_s(self) -> float:
        """Return the seconds to wait for more of the answer.

        What has come already is read even after the deadline: a process that was frozen learns how it ended. A server
        that goes on sending has always something to read, though: then only so much is.
        """
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            self._room = min(self._room, _LATE_BYTES)
        return max(0.0, left_s)

    def receive(self, size: int) -> None:
        """Count what has come.

        Raises:
            TransportError: it is too much.
        """
        self._room -= size
        if self._room >= 0:
            return
        if not self.sent:
            raise NotSentError("oversized")
        raise LostError("deadline passed") if time.monotonic() >= self.deadline else UnreadableError("oversized")

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make this the exchange of the requests that the block sends in this thread."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Exchange] = ContextVar("exchange")


class _Socket(socket.socket):
    """A socket of which no step waits for longer than is left of the exchange, or receives more than it may.

    Its own timeout bounds each step too; alone, it would let an upstream that drips hold the caller for ever.
    """

    def recv_into(self, *args: Any) -> int:
        received = self._awaited(super().recv_into, *args)
        _current.get().receive(received)
        return received

    def recv(self, *args: Any) -> bytes:
        received = self._awaited(super().recv, *args)
        _current.get().receive(len(received))
        return received

    def _awaited(self, receive: Callable[..., Received], *args: Any) -> Received:
        self._bound(_current.get().patience_s())
        try:
            return receive(*args)
        except BlockingIOError:
            # Without this, what reads from it would take nothing for the end.
            raise TimeoutError("deadline passed") from None

    def sendall(self, data: Any, flags: int = 0) -> None:
        # TLS sends nothing after each of its steps, also when it has only read.
        if data:
            self._bound(_current.get().left_s())
            super().sendall(data, flags)

    def _bound(self, left_s: float) -> None:
        self.settimeout(min(cast("float", self.gettimeout()), left_s))


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

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as urllib3's own
        response = super().getresponse()
        _current.get().expect_body()
        return response

    def _new_conn(self) -> socket.socket:
        """Return a connected socket, as urllib3 does, but with its name looked up in time; TLS comes on top of it."""
        try:
            return self._connected()
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from None
        except (OverdueError, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from None
        # A label that no name can have, or no thread to look it up.
        except (OSError, UnicodeError, RuntimeError) as error:
            raise NewConnectionError(self, f"no connection: {type(error).__name__}") from None

    def _connected(self) -> socket.socket:
        deadline, connect_s = _current.get().deadline, cast("float", self.timeout)
        resolve = functools.partial(socket.getaddrinfo, self.host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        addresses = run_within(resolve, min(deadline, time.monotonic() + connect_s))
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


class _Tls(SSLTransport):
    """TLS over a socket that Python reads.

    In an `SSLSocket` OpenSSL reads it, and looks at no clock for as long as a server sends what OpenSSL skips.
    """

    def recv_into(self, *args: Any) -> Any:
        if not self.sslobj.pending() and not self.incoming.pending:
            # Asking TLS first would only raise that there is nothing.
            if received := self.socket.recv(SSL_BLOCKSIZE):
                self.incoming.write(received)
            else:
                self.incoming.write_eof()
        return super().recv_into(*args)


class _TlsConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        """Open it; shaking hands takes as long as connecting may, and receives no more than headers may have."""
        deadline, connect_s = _current.get().deadline, cast("float", self.timeout)
        self.sock = sock = self._new_conn()
        context = cast("ssl.SSLContext", self.ssl_context)
        with Exchange(min(deadline, time.monotonic() + connect_s)).current():
            self.sock = cast("socket.socket", _Tls(sock, context, self.host.strip("[]").rstrip(".")))
        self.is_verified = True


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
        context = _context()
    manager = urllib3.PoolManager(maxsize=_POOL_SIZE, ssl_context=context)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return manager


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    system = ssl.get_default_verify_paths()
    if system.cafile and not context.cert_store_stats()["x509"]:
        # Python passes over a file that it cannot open. Without a descriptor free that would last: the context is kept.
        with contextlib.suppress(ssl.SSLError):
            context.load_verify_locations(system.cafile)
    context.load_verify_locations(certifi.where())
    return context


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
    except TransportError:
        raise
    except Exception as error:  # noqa: BLE001 - with no memory, descriptor or thread free, anything comes from anywhere
        # Which name was looked up is the one thing that says what is wrong with it: a region, or an endpoint.
        looked_up = f": {urlsplit(url).hostname}" if isinstance(error, NameResolutionError) else ""
        raise _kind_of(error, sent=exchange.sent)(f"{type(error).__name__}{looked_up}") from None
    names = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, response.reason or "", names, content)


def _whole(response: urllib3.BaseHTTPResponse) -> bytes:
    """Return the body; where it is none that can be used, the connection is not used again either."""
    try:
        content = b"".join(_pieces(response))
        return _unpacked(content, response.headers.get("content-encoding", "").lower())
    except Exception:
        response.close()
        raise


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the body in pieces, as it was sent.

    Raises:
        UnreadableError: no answer has such a status, or it is too long.
    """
    if response.status < _LEAST_STATUS or response.status in _BODILESS:
        # The real answer may follow, and would be taken for that to the next request.
        raise UnreadableError(f"status {response.status}")
    size = 0
    while piece := response.read(_PIECE_BYTES, decode_content=False):
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise UnreadableError("oversized")
        yield piece


def _unpacked(content: bytes, encoding: str) -> bytes:
    """Return a body decompressed, if it was compressed.

    Once, and in one part: each further one would multiply the work that a server can make with the same bytes.

    Raises:
        UnreadableError: it is something else, or too long.
    """
    if "," in encoding:
        raise UnreadableError("compressed more than once")
    if not content or encoding not in _WINDOW_BITS:
        return content
    for bits in _WINDOW_BITS[encoding]:
        unpacker = zlib.decompressobj(bits)
        with contextlib.suppress(zlib.error):
            unpacked = unpacker.decompress(content, MAX_ANSWER_BYTES + 1)
            if len(unpacked) > MAX_ANSWER_BYTES:
                raise UnreadableError("oversized")
            if unpacker.eof and not unpacker.unused_data:
                return unpacked
    raise UnreadableError("wrongly compressed")


def _kind_of(error: Exception, *, sent: bool) -> type[TransportError]:
    if not sent:
        return NotSentError
    # A ProtocolError holds its cause, if it has one, as its last argument.
    cause = error.args[-1] if error.args else None
    lost = isinstance(cause, (http.client.RemoteDisconnected, http.client.IncompleteRead))
    garbled = isinstance(cause, http.client.HTTPException) and not lost
    # A ValueError is what http.client says of a chunk of negative length.
    return UnreadableError if garbled or isinstance(error, (InvalidHeader, ValueError)) else LostError
