"""The listening socket and its connections, one thread each, all of which end when the server closes."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.http.framing import NO_BODY, as_addressed, head, origin_form, read_body, read_headers
from local.http.message import Answer, Delivery, MalformedError, Request

LOOPBACK = "127.0.0.1"

Respond = Callable[[Request], Answer | Delivery]
Refuse = Callable[[MalformedError], Answer]

_IDLE_SECONDS = 60
_LINE_LIMIT = 65536
_LINGER_SECONDS = 1
_LINGER_BYTES = 1 << 26


class Server(ThreadingHTTPServer):
    """Serves HTTP/1.1 with keep-alive on the loopback interface.

    Args:
        port: to listen on; 0 picks a free one, see ``server_port``.
        respond: answers a request; called by the thread of its connection.
        refuse: answers a request that cannot be read.
        largest_body: in bytes; a larger one is refused unread.

    Raises:
        OSError: the port cannot be bound.
    """

    daemon_threads = True
    # The default of 5 refuses connections when many clients start at once.
    request_queue_size = 256

    def __init__(self, port: int, respond: Respond, refuse: Refuse, largest_body: int) -> None:
        self.respond = respond
        self.refuse = refuse
        self.largest_body = largest_body
        self.stopping = threading.Event()
        self._connections: dict[Any, threading.Thread] = {}
        super().__init__((LOOPBACK, port), Connection)
        self._acceptor = threading.Thread(target=self._accept, name="acceptor", daemon=True)

    def start(self) -> None:
        """Serve in a thread of its own; connections made before wait in the backlog."""
        self._acceptor.start()

    def close(self, grace: float) -> None:
        """Stop listening, cut every connection; wait up to ``grace`` seconds for their threads to end."""
        self.stopping.set()
        # A connection wakes the thread at once; `shutdown` would wait for the next turn of a polling loop.
        socket.create_connection((LOOPBACK, self.server_port)).close()
        self._acceptor.join()
        self.server_close()
        end = time.monotonic() + grace
        open_connections = list(self._connections.copy().items())
        for connection, _ in open_connections:
            _hang_up(connection, socket.SHUT_RDWR)
        for _, thread in open_connections:
            thread.join(max(0, end - time.monotonic()))

    def server_bind(self) -> None:
        """Bind without the parent's look-up of the host's name, which may ask a DNS server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the parent's signature
        """Serve no connection once the server closes, the one that wakes the acceptor included."""
        return not self.stopping.is_set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a connection's thread and remember both."""
        arguments = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=arguments, name="connection", daemon=True)
        self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """End a connection and forget it."""
        super().shutdown_request(request)
        self._connections.pop(request, None)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            self.handle_request()


class Connection(BaseHTTPRequestHandler):
    """One connection: request after request until either side closes, or nothing comes for a minute."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = _IDLE_SECONDS
    # A drip must leave byte by byte.
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        """Read a request and answer it; close the connection where the rest of it cannot be read."""
        try:
            self.raw_requestline = self.rfile.readline(_LINE_LIMIT + 1)
            if len(self.raw_requestline) > _LINE_LIMIT:
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            elif not self.raw_requestline:
                self.close_connection = True
            elif self.parse_request():
                self._answer()
        except OSError:
            # The client went away or sent nothing for too long, or the server closes.
            self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what the parent class cannot parse."""
        self._refuse(MalformedError(message or HTTPStatus(code).phrase, code))

    def _answer(self) -> None:
        # Connections of HTTP/1.0 are not kept alive: such a client would have to be told so in each answer.
        self.close_connection = self.close_connection or self.request_version != "HTTP/1.1"
        try:
            request = self._read_request()
        except MalformedError as error:
            self._refuse(error)
            return
        outcome = self.server.respond(request)
        self._send(outcome if isinstance(outcome, Delivery) else Delivery(outcome), has_body=request.method != "HEAD")

    def _read_request(self) -> Request:
        if self.request_version not in {"HTTP/1.0", "HTTP/1.1"}:
            raise MalformedError(f"{self.request_version} is not supported")
        headers = read_headers(self.headers)
        # Not `self.path`, in which the parent class has replaced leading slashes.
        target = self.requestline.split()[1]
        return Request(
            method=self.command,
            target=origin_form(target),
            headers=as_addressed(headers, target),
            body=read_body(self.rfile, headers, self.server.largest_body),
            protocol=self.request_version,
            source_ip=self.client_address[0],
        )

    def _refuse(self, error: MalformedError) -> None:
        self.close_connection = True
        self._send(Delivery(self.server.refuse(error)), has_body=True)
        self._linger()

    def _send(self, delivery: Delivery, *, has_body: bool) -> None:
        answer = delivery.answer
        if answer is None or self._stopped_within(delivery.delay):
            self.close_connection = True
            return
        self.close_connection |= delivery.truncated
        body = answer.body if has_body and answer.status not in NO_BODY else b""
        if delivery.truncated:
            body = body[: len(body) // 2]
        start = head(answer, close=self.close_connection)
        if delivery.drip:
            self._drip(start, body, delivery.drip)
        else:
            # One write: two small ones would wait for each other's acknowledgement.
            self.wfile.write(start + body)

    def _drip(self, start: bytes, body: bytes, interval: float) -> None:
        self.wfile.write(start)
        for position in range(len(body)):
            if self._stopped_within(interval):
                self.close_connection = True
                return
            self.wfile.write(body[position : position + 1])

    def _stopped_within(self, seconds: float) -> bool:
        return seconds > 0 and self.server.stopping.wait(seconds)

    def _linger(self) -> None:
        """Take what the client still sends: closing on unread bytes resets the connection and may lose the answer."""
        _hang_up(self.connection, socket.SHUT_WR)
        self.connection.settimeout(_LINGER_SECONDS)
        left = _LINGER_BYTES
        while left > 0 and (data := self.connection.recv(_LINE_LIMIT)):
            left -= len(data)


def _hang_up(connection: socket.socket, how: int) -> None:
    """Shut a connection down, also one that is gone already."""
    with contextlib.suppress(OSError):
        connection.shutdown(how)
