"""One request's limits, and a socket that keeps to them: the deadline, and how much may be received.

All bytes pass this socket, those of TLS as well, and each of its steps asks the exchange of its thread. So time and
size end the loops of the libraries above it, whatever the server sends.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

Received = TypeVar("Received")

# CCC's answer about a call has a few kilobytes.
MAX_ANSWER_BYTES = 1_048_576
# What may be received: before the body (interim answers and headers, or a handshake of TLS), for the body with all that
# it is wrapped in (chunks, trailers, records of TLS), and after the deadline.
_HEAD_BYTES, _WRAPPED_BYTES, _LATE_BYTES = 65_536, 2 * MAX_ANSWER_BYTES, 65_536
# The size of one TLS record, including its frame.
_RECORD_BYTES = 16_384 + 512


class TransportError(Exception):
    """No usable answer; the text names the cause and never has the message of an exception, which quotes the URL.

    Behind a name that cannot be resolved that name stands.
    """


class NotSentError(TransportError):
    """The request did not leave: no name, no route, refused, connect timeout, TLS, deadline, no memory."""


class LostError(TransportError):
    """The request was sent and no complete answer came: outcome unknown."""


class UnreadableError(TransportError):
    """An answer came that is too long or wrongly compressed."""


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
current = _current.get


class Socket(socket.socket):
    """A socket whose steps end with the time that is left of the exchange, and receive no more than it allows.

    Attributes:
        patience_s: bounds each step too; alone, it would let an upstream that drips hold the caller for ever.
    """

    patience_s: float

    def recv_into(self, *args: Any) -> int:
        """Receive into a buffer, in time and within bounds."""
        received = self._awaited(super().recv_into, *args)
        current().receive(received)
        return received

    def recv(self, *args: Any) -> bytes:
        """Receive, in time and within bounds."""
        received = self._awaited(super().recv, *args)
        current().receive(len(received))
        return received

    def _awaited(self, receive: Callable[..., Received], *args: Any) -> Received:
        self.settimeout(min(self.patience_s, current().patience_s()))
        try:
            return receive(*args)
        except BlockingIOError:
            # Without this, what reads from it would take nothing for the end.
            raise TimeoutError("deadline passed") from None

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of it, in time."""
        self.settimeout(min(self.patience_s, current().left_s()))
        super().sendall(data, flags)


class Tls:
    """TLS over a socket that Python reads, with what is asked of a socket here.

    In an `SSLSocket` OpenSSL reads it, and looks at no clock for as long as a server sends what OpenSSL skips.
    """

    def __init__(self, sock: Socket, context: ssl.SSLContext, host: str) -> None:
        """Shake hands with a server that has to prove to be this host."""
        self._socket = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._run(self._tls.do_handshake)

    def recv_into(self, buffer: memoryview) -> int:
        """Receive into a buffer; return 0 at the end, also where the server does not say good-bye."""
        try:
            return int(self._run(self._tls.read, len(buffer), buffer))
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0

    def sendall(self, data: Any) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._run(self._tls.write, rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what reads from it; until that is closed, too, the socket stays open."""
        return io.BufferedReader(_Reader(self.recv_into, self._socket.makefile("rb", buffering=0)))

    def has_more(self) -> bool:
        """Whether something was received that nobody has asked for."""
        return bool(self._tls.pending() or self._incoming.pending)

    def fileno(self) -> int:
        """Return the descriptor of the socket below."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket below, without a good-bye that might have to wait."""
        self._socket.close()

    @property
    def patience_s(self) -> float:
        """That of the socket below."""
        return self._socket.patience_s

    @patience_s.setter
    def patience_s(self, seconds: float) -> None:
        self._socket.patience_s = seconds

    def _run(self, step: Callable[..., Any], *args: Any) -> Any:
        """Take a step of TLS, and carry what it wants to send and needs to read."""
        while True:
            try:
                result = step(*args)
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._socket.sendall(self._outgoing.read())

    def _fill(self) -> None:
        if received := self._socket.recv(_RECORD_BYTES):
            self._incoming.write(received)
        else:
            self._incoming.write_eof()


class _Reader(io.RawIOBase):
    def __init__(self, receive: Callable[[memoryview], int], held: socket.SocketIO) -> None:
        self._receive, self._held = receive, held

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._receive(buffer)

    def close(self) -> None:
        self._held.close()
        super().close()
