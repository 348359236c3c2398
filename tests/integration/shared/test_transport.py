"""The transport over TLS, and its cancellation."""

from __future__ import annotations

import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

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
def test_a_cancelled_request_stops_waiting_for_its_answer(server: _Server) -> None:
    server.released.clear()
    exchange = transport.Exchange(time.monotonic() + 10)
    found: list[BaseException] = []

    def work() -> None:
        try:
            send(server, exchange)
        except transport.TransportError as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert server.received.wait(5)
    began = time.monotonic()
    assert exchange.cancel() is True
    thread.join(5)
    assert isinstance(found[0], transport.LostError)
    assert time.monotonic() - began < 2


@pytest.mark.usefixtures("_trusted")
def test_a_request_cancelled_before_it_began_is_never_sent(server: _Server) -> None:
    exchange = transport.Exchange(time.monotonic() + 10)
    assert exchange.cancel() is False
    with pytest.raises(transport.NotSentError):
        send(server, exchange)
    assert not server.received.is_set()


@pytest.mark.usefixtures("_trusted")
def test_cancelling_late_does_not_touch_the_connection_of_another_request(server: _Server) -> None:
    first, second = transport.Exchange(time.monotonic() + 10), transport.Exchange(time.monotonic() + 10)
    send(server, first)
    server.released.clear()
    answers: list[transport.Answer] = []
    thread = threading.Thread(target=lambda: answers.append(send(server, second)))
    server.received.clear()
    thread.start()
    assert server.received.wait(5)
    first.cancel()
    server.released.set()
    thread.join(5)
    assert [answer.status for answer in answers] == [200]
