"""A TCP proxy whose connections can die without a sign, as those of a frozen instance do."""

from __future__ import annotations

import threading
from contextlib import suppress
from socket import SHUT_RDWR, create_connection, create_server, socket

from typing_extensions import Self


class SilentProxy:
    """Stands before a server on this machine."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self.connections = 0
        self._listener = create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._live: list[socket] = []
        self._kept: list[socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        # Closing alone would leave the thread in its accept.
        self._listener.shutdown(SHUT_RDWR)
        self._listener.close()
        for peer in (*self._live, *self._kept):
            peer.close()

    def lead_to(self, port: int) -> None:
        """Lead new connections to another server; those of now stay where they are, as after a failover."""
        self._upstream = port

    def silence(self) -> None:
        """Read and answer nothing more on the connections of now, and leave them open."""
        self._kept += self._live
        self._live.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = create_connection(("127.0.0.1", self._upstream), 5)
                self.connections += 1
                self._live += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source: socket, target: socket) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                if source in self._live:
                    target.sendall(part)
        if source in self._live:
            with suppress(OSError):
                target.shutdown(SHUT_RDWR)
