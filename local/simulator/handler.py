"""One HTTP connection: reads requests, hands them to the endpoint or the control plane, and sends what they decide."""

import socket
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import TYPE_CHECKING

from local.simulator import control
from local.simulator.delivery import Answer, Delivery
from local.simulator.request import Request
from local.simulator.wire import FramingError, body_length, head

if TYPE_CHECKING:
    from local.simulator.server import SimulatorServer

DRAINED_AT_MOST = 64


class Handler(BaseHTTPRequestHandler):
    """Serves one connection, HTTP/1.1 with keep-alive."""

    server: "SimulatorServer"

    # The default, 1.0, closes after each answer and would hide every client's keep-alive faults.
    protocol_version = "HTTP/1.1"
    # A drip must leave byte by byte.
    disable_nagle_algorithm = True
    # Seconds without a byte after which a connection is given up.
    timeout = 60

    def do_request(self) -> None:
        """Answer one request whose head was read."""
        try:
            body = self._read_body()
        except FramingError as error:
            self._refuse(error.status, str(error))
            return
        try:
            delivery = self._decide(body)
        except Exception as error:  # noqa: BLE001 - a bug here must reach the client as an answer, not stderr
            delivery = Delivery(control.problem(500, f"bug in the simulator: {type(error).__name__}"))
        self._send(delivery)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_request  # noqa: N815 - by http.server

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself refuses (a malformed head, an unknown method) as everything else is."""
        del explain
        self._refuse(code, message or HTTPStatus(code).phrase)

    def log_message(self, *_: object) -> None:
        """Log nothing: request lines hold phone numbers."""

    def _read_body(self) -> bytes:
        length = body_length(self.headers)
        body = self.rfile.read(length)
        if len(body) < length:
            raise FramingError(400, "body is shorter than Content-Length")
        return body

    def _decide(self, body: bytes) -> Delivery:
        path, _, query = self.path.partition("?")
        request = Request(self.command, path, query, tuple(self.headers.items()), body)
        if path.startswith(control.PREFIX):
            return Delivery(control.handle(self.server.endpoint, request))
        return self.server.endpoint.handle(request)

    def _refuse(self, status: int, text: str) -> None:
        """Answer a request that was not read to its end, and end the connection."""
        self.close_connection = True
        self._write(control.problem(status, text))
        # Closing with bytes unread would reset the connection, and the client might never see the answer.
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            for _ in range(DRAINED_AT_MOST):
                if not self.connection.recv(1 << 16):
                    break

    def _send(self, delivery: Delivery) -> None:
        stopping = self.server.stopping
        if delivery.answer is None or stopping.wait(delivery.delay):
            self.close_connection = True
            return
        self.close_connection |= delivery.truncated
        if delivery.drip:
            self._drip(delivery.answer, delivery.drip, stopping)
        else:
            self._write(delivery.answer, half=delivery.truncated)

    def _write(self, answer: Answer, *, half: bool = False) -> None:
        """Send an answer in one write: two small ones would wait for each other in the client's kernel."""
        body = self._body(answer)
        sent = body[: len(body) // 2] if half else body
        self._put(head(answer, keep_alive=not self.close_connection) + sent)

    def _drip(self, answer: Answer, interval: float, stopping: Event) -> None:
        body = self._body(answer)
        gone = not self._put(head(answer, keep_alive=not self.close_connection))
        for position in range(len(body)):
            if gone or stopping.wait(interval):
                self.close_connection = True
                return
            gone = not self._put(body[position : position + 1])

    def _body(self, answer: Answer) -> bytes:
        return b"" if self.command == "HEAD" else answer.body

    def _put(self, data: bytes) -> bool:
        """Send bytes; False where the client is gone."""
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True
            return False
        return True
