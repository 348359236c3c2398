"""The transport over TLS, and what its deadline ends."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from local.simulator import Simulator
from shared import transport


class _Silent(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        server.received.set()
        server.released.wait(10)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Silent)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.received, self.released = threading.Event(), threading.Event()
        self.released.set()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what these tests are about."""


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[_Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    running = _Server(context)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def _trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    transport.pools.cache_clear()
    yield
    transport.pools.cache_clear()


def send(server: _Server, exchange: transport.Exchange) -> transport.Answer:
    with exchange.current():
        url = f"https://127.0.0.1:{server.server_port}/"
        return transport.send("POST", url, {"host": "127.0.0.1"}, None, connect_s=5, read_s=5)


@pytest.mark.usefixtures("_trusted")
def test_a_trusted_server_is_talked_to_over_tls(server: _Server) -> None:
    exchange = transport.Exchange(time.monotonic() + 10)
    answer = send(server, exchange)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"{}", "2")
    assert exchange.sent


def test_nothing_is_sent_to_a_server_that_is_not_trusted(server: _Server) -> None:
    exchange = transport.Exchange(time.monotonic() + 10)
    with pytest.raises(transport.NotSentError, match=r"^SSLError$"):
        send(server, exchange)
    assert not exchange.sent
    assert not server.received.is_set()


@pytest.mark.usefixtures("_trusted")
def test_a_silent_server_is_waited_for_until_the_deadline(server: _Server) -> None:
    server.released.clear()
    exchange = transport.Exchange(time.monotonic() + 0.5)
    began = time.monotonic()
    with pytest.raises(transport.LostError, match=r"^ReadTimeoutError$"):
        send(server, exchange)
    assert 0.4 < time.monotonic() - began < 2
    assert server.received.is_set()


@pytest.mark.usefixtures("_trusted")
def test_after_the_deadline_nothing_is_sent(server: _Server) -> None:
    # So that a connection is there, over which it could be.
    send(server, transport.Exchange(time.monotonic() + 10))
    server.received.clear()
    exchange = transport.Exchange(time.monotonic())
    with pytest.raises(transport.NotSentError, match=r"^deadline passed$"):
        send(server, exchange)
    assert not exchange.sent
    assert not server.received.is_set()


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("drip", [b"", bytes([22, 3, 3, 64, 0])], ids=["silent", "one byte at a time"])
def test_a_handshake_that_never_ends_ends_with_the_deadline(drip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of TLS that is announced and comes byte by byte: each of them in time, the whole never."""
    connect = socket.socket.connect

    def slowly(sock: socket.socket, address: tuple[str, int]) -> None:
        # So that most of the time is gone when the handshake begins.
        time.sleep(0.8)
        connect(sock, address)

    monkeypatch.setattr(transport._Socket, "connect", slowly)  # noqa: SLF001 - no address is that slow here
    stopped = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer, contextlib.suppress(OSError):
                for byte in (*drip, *bytes(100)):
                    if stopped.wait(0.05):
                        return
                    if drip:
                        peer.sendall(bytes([byte]))

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        exchange = transport.Exchange(time.monotonic() + 1)
        began = time.monotonic()
        with exchange.current(), pytest.raises(transport.NotSentError):
            transport.send("POST", url, {}, None, connect_s=5, read_s=5)
        assert 0.9 < time.monotonic() - began < 1.6
        assert not exchange.sent
        stopped.set()
        thread.join(5)


def test_the_next_address_is_tried_where_one_cannot_be_reached(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = "127.0.0.1", int(simulator.endpoint.rpartition(":")[2])
    with closing(socket.socket()) as unused:
        unused.bind((host, 0))
        kinds = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        # A family that this system does not have, one that refuses, and the right one.
        found = [(45, *kinds[1:], ("x", 1)), (*kinds, unused.getsockname()), (*kinds, (host, port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        exchange = transport.Exchange(time.monotonic() + 10)
        with exchange.current():
            assert transport.send("GET", "http://ccc.test/", {}, None, connect_s=5, read_s=5).status >= 400


def test_a_name_that_none_can_have_was_not_sent() -> None:
    exchange = transport.Exchange(time.monotonic() + 10)
    with exchange.current(), pytest.raises(transport.NotSentError):
        transport.send("GET", f"http://{'a' * 64}.test/", {}, None, connect_s=5, read_s=5)


def test_the_first_requests_share_their_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    transport.pools.cache_clear()
    built: list[str] = []
    create = ssl.create_default_context

    def slowly() -> ssl.SSLContext:
        built.append("context")
        time.sleep(0.1)
        return create()

    monkeypatch.setattr(ssl, "create_default_context", slowly)
    threads = [threading.Thread(target=_refused) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    transport.pools.cache_clear()
    assert built == ["context"]


def _refused() -> None:
    exchange = transport.Exchange(time.monotonic() + 5)
    with exchange.current(), contextlib.suppress(transport.NotSentError):
        transport.send("GET", "https://127.0.0.1:9/", {}, None, connect_s=1, read_s=1)


def test_a_name_without_an_address_is_one_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    exchange = transport.Exchange(time.monotonic() + 10)
    with exchange.current(), pytest.raises(transport.NotSentError, match=r"^NameResolutionError$"):
        transport.send("GET", "http://ccc.test/", {}, None, connect_s=5, read_s=5)
