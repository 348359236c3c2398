"""The instruments of the benchmark, held against a server of which the answers are known."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from local.bench.load import press
from local.bench.running import serving, upstream

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def port() -> Iterator[int]:
    """A server that answers every second request of a connection 500."""
    answers = [b"HTTP/1.1 %d X\r\nContent-Length: 3\r\n\r\nabc" % status for status in (200, 500)]

    def serve(peer: socket.socket) -> None:
        with peer:
            number = 0
            while peer.recv(4096):
                peer.sendall(answers[number % 2])
                number += 1

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(peer,), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_every_request_is_timed_and_every_failure_counted(port: int) -> None:
    load = press(port, REQUEST, callers=3, duration_s=0.3)

    assert len(load.seconds) >= 6
    assert 0 < load.failed <= len(load.seconds) // 2
    assert 0.3 <= load.elapsed_s < 5
    assert all(0 < seconds <= load.elapsed_s for seconds in load.seconds)


def test_the_upstream_waits_as_long_as_it_is_told() -> None:
    with upstream(50) as environment:
        port = int(environment["CCC_ENDPOINT"].rpartition(":")[2])
        load = press(port, b"POST /?a=1 HTTP/1.1\r\nHost: x\r\n\r\n", callers=2, duration_s=0.3)

    assert load.failed == 0
    assert min(load.seconds) >= 0.049


def test_the_cpu_time_of_a_process_and_its_children_is_counted() -> None:
    """A process that starts one which burns half a second."""
    burn = "import time\\nend = time.process_time() + 0.5\\nwhile time.process_time() < end: pass"
    script = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', '{burn}\\nprint(flush=True)\\ninput()'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print('listening on http://127.0.0.1:9', flush=True)\n"
        "import signal; signal.sigwait([signal.SIGTERM]); child.kill(); child.wait()"
    )
    command = [sys.executable, "-c", f"import signal; signal.pthread_sigmask(0, [15])\n{script}"]
    with serving(command, {}) as server:
        assert server.port == 9
        assert 0.5 <= server.cpu_seconds() < 5
