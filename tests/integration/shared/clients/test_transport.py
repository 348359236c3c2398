"""The transport over TLS, what its deadline ends, and how much a server can make it take."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme

from functions.mute_call.index import MUTE_CALL
from local.simulator import Simulator
from shared.callers.secret_references import SecretUnavailableError
from shared.clients import ccc, connections, kms, oss, transport
from shared.clients.connections import Connection
from shared.clients.exchange import Socket
from shared.function import Function
from shared.problems import UpstreamInvalidResponse, UpstreamTimeout
from shared.runtime.context import Credentials
from shared.settings import read_settings
from tests.builders import PAYLOAD, Context312, environment, http_event
from tests.flooding_server import FLOODS
from tests.peers import answering, peer
from tests.unit.shared.fakes import BEARER


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
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
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
    connections.forget()
    yield
    connections.forget()


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
    with pytest.raises(transport.NotSentError, match=r"^SSLCertVerificationError$"):
        send(server, exchange)
    assert not exchange.sent
    assert not server.received.is_set()


@pytest.mark.usefixtures("_trusted")
def test_a_silent_server_is_waited_for_until_the_deadline(server: _Server) -> None:
    server.released.clear()
    exchange = transport.Exchange(time.monotonic() + 0.5)
    began = time.monotonic()
    with pytest.raises(transport.LostError, match=r"^TimeoutError$"):
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

    monkeypatch.setattr(Socket, "connect", slowly)  # no address is that slow here
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
        assert 0.9 < time.monotonic() - began < 4
        assert not exchange.sent
        stopped.set()
        thread.join(5)


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(("more", "connections_used"), [(b"", 1), (b"x" * 12_000, 2)], ids=["no more", "more"])
def test_a_connection_on_which_more_came_than_the_answer_is_not_used_again(
    authority: trustme.CA, more: bytes, connections_used: int
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    accepted: list[socket.socket] = []

    def behave(connection: socket.socket) -> None:
        accepted.append(connection)
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            while tls.recv(65_536):
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + more)

    with peer(behave) as address:
        for _ in range(2):
            with transport.Exchange(time.monotonic() + 10).current():
                answer = transport.send("GET", f"https://{address}/", {}, None, connect_s=5, read_s=5)
            assert answer.body == b"{}"
    connections.forget()
    assert len(accepted) == connections_used


def test_the_connection_used_least_lately_goes_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    connections.forget()
    monkeypatch.setattr(connections, "_MOST_IDLE", 1)
    old, new = (Connection("http", host, None) for host in ("old.test", "new.test"))
    closed: list[Connection] = []

    def note(connection: Connection) -> None:
        closed.append(connection)

    monkeypatch.setattr(Connection, "close", note)
    for connection in (old, new):
        connections.keep(connection)
    assert closed == [old]


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
    connections.forget()
    built: list[str] = []
    create = ssl.create_default_context

    def slowly(**authorities: str) -> ssl.SSLContext:
        built.append("context")
        time.sleep(0.1)
        return create(**authorities)  # type: ignore[arg-type] # a file or a folder

    monkeypatch.setattr(ssl, "create_default_context", slowly)
    threads = [threading.Thread(target=_refused) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    connections.forget()
    assert built == ["context"]


def _refused() -> None:
    exchange = transport.Exchange(time.monotonic() + 5)
    with exchange.current(), contextlib.suppress(transport.NotSentError):
        transport.send("GET", "https://127.0.0.1:9/", {}, None, connect_s=1, read_s=1)


def test_a_name_without_an_address_is_one_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    exchange = transport.Exchange(time.monotonic() + 10)
    with exchange.current(), pytest.raises(transport.NotSentError, match=r"^gaierror: ccc\.test$"):
        transport.send("GET", "http://ccc.test/", {}, None, connect_s=5, read_s=5)


# Much less than the server takes until it gives up.
FLOOD_DEADLINE_S, FLOOD_SLACK_S = 0.5, 4.0
FLOOD_BYTES = 24_000_000
CREDENTIALS = Credentials("STS.local", "local-secret", "local-token")
UNREADABLE, LOST, NOT_SENT = transport.UnreadableError, transport.LostError, transport.NotSentError
# Too much ends it at once, too slow the deadline. What TLS is not even begun with has sent nothing.
ENDS: dict[str, type[transport.TransportError]] = {
    name: LOST if flood.pause_s or (not flood.part and not flood.head) else UNREADABLE for name, flood in FLOODS.items()
}


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Serve every flood, in a process of its own; what it is to be trusted by is in the environment."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    command = [sys.executable, "-m", "tests.flooding_server", str(folder / "server.pem")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        connections.forget()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(20)
            process.stdout.close()
            connections.forget()


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Check that the block takes neither much longer than the deadline nor much memory."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        yield
        assert time.monotonic() - began < FLOOD_DEADLINE_S + FLOOD_SLACK_S
        assert tracemalloc.get_traced_memory()[1] < FLOOD_BYTES
    finally:
        tracemalloc.stop()


# Over TLS, one flood for each place that is read at, and those of the handshake.
OVER_TLS = [
    *("100 continue, slowly", "status line", "headers, byte by byte", "chunks of a byte", "gzip of gzip", "nothing"),
    *(name for name, flood in FLOODS.items() if not flood.tls),
]


@pytest.mark.parametrize(
    ("scheme", "name"), [*(("http", name) for name in FLOODS), *(("https", name) for name in OVER_TLS)]
)
def test_a_flood_ends_by_the_deadline(flooded: dict[str, str], name: str, scheme: str) -> None:
    kind = NOT_SENT if scheme == "https" and not FLOODS[name].tls else ENDS[name]
    # A loaded machine may be too slow for a handshake within half a second, and to send too much.
    exchange = transport.Exchange(time.monotonic() + FLOOD_DEADLINE_S * (2 if scheme == "https" else 1))
    with bounded(), exchange.current(), pytest.raises((kind, LOST) if kind is UNREADABLE else kind):
        transport.send("POST", f"{scheme}://{flooded[f'{scheme} {name}']}/", {}, b"{}", connect_s=5, read_s=5)
    assert exchange.sent == (kind is not NOT_SENT)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_does_not_read_ends_with_the_deadline(flooded: dict[str, str], scheme: str) -> None:
    exchange, body = transport.Exchange(time.monotonic() + FLOOD_DEADLINE_S), bytes(20_000_000)
    began = time.monotonic()
    with exchange.current(), pytest.raises(LOST):
        transport.send("POST", f"{scheme}://{flooded[f'{scheme} nothing']}/", {}, body, connect_s=5, read_s=5)
    assert time.monotonic() - began < FLOOD_DEADLINE_S + FLOOD_SLACK_S


def call_ccc(address: str) -> None:
    settings = read_settings({"CCC_ENDPOINT": f"http://{address}"}, region="cn-shanghai")
    ccc.call(MUTE_CALL, PAYLOAD, CREDENTIALS, settings, time.monotonic() + FLOOD_DEADLINE_S)


def read_kms(address: str) -> None:
    settings = read_settings({"KMS_ENDPOINT": f"http://{address}"}, region="cn-shanghai")
    kms.read_secret("crm", CREDENTIALS, settings, time.monotonic() + FLOOD_DEADLINE_S)


def put_oss(address: str) -> None:
    bucket = oss.Bucket(f"http://{address}", "cn-shanghai", "letters")
    oss.put(bucket, "key", b"{}", CREDENTIALS, time.monotonic() + FLOOD_DEADLINE_S)


@pytest.mark.parametrize(
    "name",
    ["100 continue", "100 continue, slowly", "trailers of a body", "gzip that ends, of nothing", "body of an error"],
)
@pytest.mark.parametrize(
    ("use", "kinds"),
    [
        (call_ccc, (UpstreamInvalidResponse, UpstreamTimeout)),
        (read_kms, (SecretUnavailableError,)),
        (put_oss, (oss.OssError,)),
    ],
    ids=["CCC", "KMS", "OSS"],
)
def test_a_flood_has_the_error_of_who_is_called(
    flooded: dict[str, str], use: Callable[[str], None], kinds: tuple[type[Exception], ...], name: str
) -> None:
    with bounded(), pytest.raises(kinds):
        use(flooded[f"http {name}"])


@pytest.mark.parametrize(
    ("name", "codes", "attempts"),
    [
        ("http 100 continue", {"upstream_invalid_response", "upstream_timeout"}, {1}),
        ("http trailers, slowly", {"upstream_timeout"}, {1}),
        # Certainly not sent, so that it is tried once more: then, too, it ends.
        ("https handshake", {"upstream_unavailable"}, {2}),
        ("https handshake, byte by byte", {"upstream_unavailable"}, {1, 2}),
    ],
)
def test_a_flood_is_answered_and_asked_for_no_more_than_twice(
    flooded: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    codes: set[str],
    attempts: set[int],
) -> None:
    callers = tmp_path / "callers.toml"
    callers.write_text(f"[callers.default]{BEARER}", encoding="utf-8")
    variables = environment(
        CCC_ENDPOINT=("http://" if name.startswith("http ") else "") + flooded[name], DEADLINE_MS="1500"
    )
    with bounded():
        Function(MUTE_CALL, callers, environ=variables).handle(http_event(), Context312())
    line = json.loads(capsys.readouterr().out)
    assert line["code"] in codes
    assert line["attempts"] in attempts


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000


@pytest.mark.parametrize(
    ("answer", "end"),
    [(ANSWER, None), (ANSWER[:-1], LOST), (ANSWER.replace(b"Content-Length: 20000", b"A: b")[:-1], LOST)],
    ids=["whole", "a part", "a part of unknown length"],
)
def test_what_came_before_a_freeze_is_read_after_the_deadline(
    answer: bytes, end: type[transport.TransportError] | None
) -> None:
    exchange = transport.Exchange(time.monotonic() + 10)
    read = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        # The client waits; once it goes on, its time is over.
        exchange.deadline = time.monotonic()
        connection.sendall(answer)
        read.wait(10)

    with peer(behave) as address, exchange.current():
        try:
            with contextlib.nullcontext() if end is None else pytest.raises(end):
                answered = transport.send("POST", f"http://{address}/", {}, None, connect_s=5, read_s=5)
                assert len(answered.body) == 20_000
        finally:
            read.set()


NOTHING_SENT = {
    "TLS": "NotSentError: ",
    "CCC": "UpstreamUnavailable: nothing was sent",
    "OSS": "OssError: nothing was sent",
}
NOTHING_SENT["KMS"] = "SecretUnavailableError: kms:crm: KMS does not answer"
# What else may be told where memory ends somewhere on the way, which may be after sending.
OTHERWISE = {
    "TLS": ("LostError: ",),
    "CCC": ("UpstreamTimeout: no complete answer", "UpstreamInvalidResponse: unreadable answer"),
    "KMS": ("SecretUnavailableError: ",),
    "OSS": ("OssError: ",),
}


def starved(what: str, server: _Server) -> dict[str, Any]:
    """Return what `tests.starved` tells; who answers there has nearly as much to say as is read."""
    big = json.dumps({"Code": "OK", "SecretData": "x" * 1_000_000, "SecretDataType": "text"}).encode()
    with peer(answering("200 OK", big)) as address:
        run = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-m", "tests.starved", what, address, f"127.0.0.1:{server.server_port}"],
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
        )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("what", ["descriptors", "threads"])
def test_without_a_descriptor_or_thread_nothing_was_sent(server: _Server, what: str) -> None:
    found = starved(what, server)
    for name, (end,) in found["ends"].items():
        assert end.startswith(NOTHING_SENT[name])
    assert found["leaked"] == 0
    assert set(found["after"].values()) == {"done"}


@pytest.mark.slow
@pytest.mark.usefixtures("_trusted")
def test_without_memory_every_call_ends_as_calls_do(server: _Server) -> None:
    found = starved("memory", server)
    ends = [(name, end) for name, ends in found["ends"].items() for end in ends]
    assert [pair for pair in ends if not pair[1].startswith((NOTHING_SENT[pair[0]], *OTHERWISE[pair[0]], "done"))] == []
    assert any("MemoryError" in end for _, end in ends)
    assert found["leaked"] == 0
    assert set(found["after"].values()) == {"done"}
