"""The listening socket and the threads behind it, all of which end when it closes."""

import socket
import socketserver
import threading
import time
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any

from local.simulator.endpoint import Endpoint
from local.simulator.handler import Handler

LOOPBACK = "127.0.0.1"
CLOSE_WITHIN = 5.0


class SimulatorServer(ThreadingHTTPServer):
    """Serves an endpoint on the loopback interface, one thread a connection.

    Args:
        endpoint: answers the API requests.
        port: to listen on; 0 picks a free one, see `server_port`.

    Raises:
        OSError: the port cannot be bound.
    """

    # The default of 5 refuses connections when many threads start at once.
    request_queue_size = 256
    daemon_threads = True

    def __init__(self, endpoint: Endpoint, port: int) -> None:
        self.endpoint = endpoint
        self.stopping = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        super().__init__((LOOPBACK, port), Handler)
        self._acceptor = threading.Thread(target=self.serve_forever, args=(0.05,), name="simulator", daemon=True)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the address, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def start(self) -> None:
        """Begin to serve; connections are accepted from here on."""
        self._acceptor.start()

    def close(self) -> None:
        """Stop listening, cut every connection and wait until all threads have ended."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self._acceptor.join(CLOSE_WITHIN)
        with self._lock:
            open_connections = dict(self._connections)
        for connection in open_connections.values():
            with suppress(OSError):  # ended by itself meanwhile
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + CLOSE_WITHIN
        for thread in open_connections:
            thread.join(max(0.0, deadline - time.monotonic()))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that is known until it ends; the base class forgets daemon threads."""
        thread = threading.Thread(target=self._serve, args=(request, client_address), daemon=True)
        with self._lock:
            self._connections[thread] = request
        thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: what arrives here is a broken connection, everything else was answered."""

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]
