"""The HTTP/1.1 server: sockets and framing on one side, plain requests and answers on the other."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from email import errors
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, urlsplit

from local.gateway.body import read_body
from local.gateway.event import TOKEN
from local.gateway.limits import BODY
from local.gateway.message import Answer, RejectionError, Request, invalid_argument, new_request_id

HOST = "127.0.0.1"
# What answers a request.
Handler = Callable[[Request], Answer]
_LINE_LIMIT = 65536
_LINGER_SECONDS = 1
_LINGER_BYTES = 2 * BODY
_NO_BODY = (204, 304)
# The parser keeps what follows such a line for a body, silently; a multipart body's own defects do not count.
_HEADER_DEFECTS = (
    errors.FirstHeaderLineIsContinuationDefect,
    errors.InvalidHeaderDefect,
    errors.MisplacedEnvelopeHeaderDefect,
    errors.MissingHeaderBodySeparatorDefect,
)


class Server(ThreadingHTTPServer):
    """A loopback server with one thread per connection, all of which `close` ends."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, invoke: Handler) -> None:
        self.invoke = invoke
        self._connections: dict[Any, threading.Thread] = {}
        super().__init__((HOST, port), Connection)
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="gateway", daemon=True)

    def start(self) -> None:
        """Serve in a thread of its own; connections made before wait in the backlog."""
        self._thread.start()

    def close(self, grace: float) -> None:
        """Stop listening, end every connection; wait up to ``grace`` seconds for requests still in the function."""
        self._closing = True
        # A connection wakes the thread at once; `shutdown` would wait for the next turn of a polling loop.
        socket.create_connection((HOST, self.server_port)).close()
        self._thread.join()
        self.server_close()
        end = time.monotonic() + grace
        open_connections = list(self._connections.copy().items())
        for connection, _ in open_connections:
            hang_up(connection, socket.SHUT_RDWR)
        for _, thread in open_connections:
            thread.join(max(0, end - time.monotonic()))

    def _serve(self) -> None:
        while not self._closing:
            self.handle_request()

    def server_bind(self) -> None:
        """Bind without the parent's look-up of the host's name, which may ask a DNS server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

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


class Connection(BaseHTTPRequestHandler):
    """One connection: request after request until either side closes."""

    protocol_version = "HTTP/1.1"
    server: Server

    def handle_one_request(self) -> None:
        """Read a request, answer it; close the connection where the rest of it cannot be read."""
        try:
            self.raw_requestline = self.rfile.readline(_LINE_LIMIT + 1)
            if len(self.raw_requestline) > _LINE_LIMIT:
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG, "Line too long")
            elif not self.raw_requestline:
                self.close_connection = True
            elif self.parse_request():
                self._answer()
        except OSError:
            # The client went away, or the gateway closes.
            self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer a request that cannot be parsed; whatever the parent's status, it is the client's fault."""
        self._refuse(invalid_argument(message or HTTPStatus(code).phrase))

    def _answer(self) -> None:
        # Connections of HTTP/1.0 are not kept alive: such a client would have to be told so in each answer.
        self.close_connection = self.close_connection or self.request_version != "HTTP/1.1"
        try:
            request = self._read_request()
        except RejectionError as rejection:
            self._refuse(rejection)
            return
        self._send(request.request_id, self.server.invoke(request), has_body=request.method != "HEAD")

    def _read_request(self) -> Request:
        if self.request_version not in {"HTTP/1.0", "HTTP/1.1"}:
            raise invalid_argument(f"{self.request_version} is not supported")
        headers = tuple(self.headers.items())
        target = self.requestline.split()[1]
        if self.headers.get_unixfrom() or any(isinstance(defect, _HEADER_DEFECTS) for defect in self.headers.defects):
            raise invalid_argument("a header line is malformed")
        for name, value in headers:
            # A value may not hold line breaks: folded lines are obsolete.
            if not TOKEN.fullmatch(name) or any(character in value for character in "\0\r\n"):
                raise invalid_argument("a header line is malformed")
        return Request(
            method=self.command,
            target=origin_form(target),
            headers=as_addressed(headers, target),
            body=read_body(self.rfile, headers, BODY),
            protocol=self.request_version,
            source_ip=self.client_address[0],
        )

    def _refuse(self, rejection: RejectionError) -> None:
        self.close_connection = True
        request_id = new_request_id()
        self._send(request_id, rejection.answer(request_id), has_body=True)
        self._linger()

    def _send(self, request_id: str, answer: Answer, *, has_body: bool) -> None:
        phrase = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Unknown"
        headers = {**answer.headers, "X-Fc-Request-Id": request_id, "Date": self.date_time_string()}
        if answer.status not in _NO_BODY:
            headers["Content-Length"] = str(len(answer.body))
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        body = answer.body if has_body and answer.status not in _NO_BODY else b""
        # One write: two small ones would wait for each other's acknowledgement.
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def _linger(self) -> None:
        """Take what the client still sends: closing on unread bytes resets the connection and may lose the answer."""
        hang_up(self.connection, socket.SHUT_WR)
        self.connection.settimeout(_LINGER_SECONDS)
        left = _LINGER_BYTES
        while left > 0 and (data := self.connection.recv(_LINE_LIMIT)):
            left -= len(data)


def origin_form(target: str) -> str:
    """Return path and query of a request target, also of one in absolute form.

    Raises:
        RejectionError: neither form, or characters that a URL has to encode.
    """
    if target.isascii() and target.isprintable():
        if _is_absolute(target):
            path, query = _split(target)[2:4]
            target = (path or "/") + ("?" + query if query else "")
        if target.startswith("/"):
            return target
    raise invalid_argument("the request target must be a URL-encoded path")


def as_addressed(headers: tuple[tuple[str, str], ...], target: str) -> tuple[tuple[str, str], ...]:
    """Return the headers with the host that a target in absolute form names: it counts, not ``Host`` (RFC 9112 §3.2.2).

    Raises:
        RejectionError: the target cannot be read.
    """
    if not _is_absolute(target):
        return headers
    host = _split(target).netloc.rpartition("@")[2]
    return (("Host", host), *(header for header in headers if header[0].lower() != "host"))


def _is_absolute(target: str) -> bool:
    return target.lower().startswith(("http://", "https://"))


def _split(target: str) -> SplitResult:
    try:
        return urlsplit(target)
    except ValueError:
        raise invalid_argument("the request target must be a URL-encoded path") from None


def hang_up(connection: socket.socket, how: int) -> None:
    """Shut a connection down, also one that is gone already."""
    with contextlib.suppress(OSError):
        connection.shutdown(how)
