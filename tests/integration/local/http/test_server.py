"""The HTTP server on the wire: malformed requests, chunks, connections, spoiled deliveries, and a clean end."""

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from local.http import Answer, Delivery, MalformedError, Request, Server
from local.http.server import Connection
from tests.integration.wire import open_socket, receive, send, send_raw

LARGEST = 1 << 20
REQUEST = b"POST / HTTP/1.1\r\n\r\n"
# Closing is a reset instead of an orderly end, as when a client is killed.
RESET = struct.pack("ii", 1, 0)


class Place:
    """A server that echoes what it was asked, or sends the delivery that a test has set."""

    def __init__(self) -> None:
        self.delivery: Delivery | None = None
        self.requests: list[Request] = []
        self.before = set(threading.enumerate())
        self.server = Server(0, self.respond, self.refuse, LARGEST)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def respond(self, request: Request) -> Answer | Delivery:
        self.requests.append(request)
        seen = [request.target, [name for name, _ in request.headers], request.body.decode()]
        return self.delivery or Answer(200, {"X-Made": "here"}, json.dumps(seen).encode())

    def refuse(self, error: MalformedError) -> Answer:
        return Answer(error.status, {}, str(error).encode())

    def connections(self) -> list[threading.Thread]:
        known = {*self.before, self.server._acceptor}  # noqa: SLF001 - told apart from the connections' threads
        return [thread for thread in threading.enumerate() if thread not in known]


@pytest.fixture
def place(capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """A running server; at the end no thread is left and nothing was printed."""
    place = Place()
    place.server.start()
    yield place
    place.server.close(10)
    assert set(threading.enumerate()) <= place.before
    assert capfd.readouterr() == ("", "")


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"PUT /\r\n\r\n", 400),
        (b"GET / HTTP/x\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\n\r\n", 400),
        (b"GET / a HTTP/1.1\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX-A: 1\r\nFrom me\r\nX-B: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX-A: " + b"x" * 70000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\nPOST / HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_and_ends_the_connection(
    place: Place, wire: bytes, status: int
) -> None:
    answer = send_raw(place.url, wire)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer
    assert place.requests == []


def test_requests_on_one_connection_are_answered_in_order(place: Place) -> None:
    answer = send_raw(place.url, *(b"BREW //%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in (1, 2, 3)))
    assert answer.count(b"HTTP/1.1 200 OK\r\nX-Made: here\r\n") == 3
    assert [(each.method, each.target) for each in place.requests] == [
        ("BREW", "//1"),
        ("BREW", "//2"),
        ("BREW", "//3"),
    ]


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    ],
)
def test_the_server_closes_where_the_client_keeps_no_connection(place: Place, wire: bytes) -> None:
    with open_socket(place.url) as client:
        client.sendall(wire)
        answer = b"".join(receive(client))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_a_chunked_body_is_decoded(place: Place) -> None:
    send_raw(place.url, b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert [each.body for each in place.requests] == [b"abcde"]


def test_a_multipart_body_is_no_malformed_header(place: Place) -> None:
    assert send(place.url, b"--x--", headers={"Content-Type": "multipart/form-data; boundary=x"}).status == 200


def test_a_target_in_absolute_form_counts_as_path_and_host(place: Place) -> None:
    send_raw(place.url, b"GET http://a.example/b?c=d HTTP/1.1\r\nHost: x\r\n\r\n")
    (request,) = place.requests
    assert (request.target, request.header("host")) == ("/b?c=d", "a.example")


def test_a_client_that_waits_for_100_continue_gets_it(place: Place) -> None:
    with open_socket(place.url) as client:
        client.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("delivery", [Delivery(Answer(200, {}, b"abc"), drip=0.001), None])
def test_an_answer_to_head_has_no_body(place: Place, delivery: Delivery | None) -> None:
    place.delivery = delivery
    reply = send(place.url, method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 0


def test_a_body_that_is_too_large_is_answered_although_it_is_still_being_sent(place: Place) -> None:
    assert send(place.url, bytes(3 * LARGEST)).status == 413


def test_a_client_that_will_not_stop_sending_is_cut_off(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.http.server._LINGER_BYTES", 1)
    with open_socket(place.url) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert b"".join(receive(client)).startswith(b"HTTP/1.1 400 ")
        with pytest.raises(ConnectionError):
            client.sendall(bytes(1 << 28))


def test_a_client_that_never_closes_is_not_waited_for_long(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.http.server._LINGER_SECONDS", 0.01)
    with open_socket(place.url) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert b"".join(receive(client)).startswith(b"HTTP/1.1 400 ")
        wait_until(lambda: not place.connections())


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"])
def test_an_idle_connection_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(Connection, "timeout", 0.05)
    with open_socket(place.url) as client:
        client.sendall(sent)
        assert b"".join(receive(client)) == b""


def test_a_delay_holds_the_answer_back(place: Place) -> None:
    place.delivery = Delivery(Answer(200), delay=0.08)
    started = time.monotonic()
    assert send(place.url).status == 200
    assert time.monotonic() - started >= 0.08


def test_no_answer_closes_the_connection(place: Place) -> None:
    place.delivery = Delivery(None)
    with pytest.raises(http.client.RemoteDisconnected):
        send(place.url)


def test_a_truncated_answer_ends_early(place: Place) -> None:
    place.delivery = Delivery(Answer(200, {}, b"0123456789"), truncated=True)
    with pytest.raises(http.client.IncompleteRead) as caught:
        send(place.url)
    assert (caught.value.partial, caught.value.expected) == (b"01234", 5)


def test_a_dripped_answer_is_complete_in_the_end(place: Place) -> None:
    place.delivery = Delivery(Answer(200, {}, b"x" * 50), drip=0.001)
    started = time.monotonic()
    answer = send_raw(place.url, REQUEST, REQUEST)
    assert answer.count(b"x" * 50) == 2
    assert time.monotonic() - started >= 0.1


def test_the_head_of_a_dripped_answer_comes_at_once(place: Place) -> None:
    place.delivery = Delivery(Answer(200, {}, b"x"), drip=3600)
    with open_socket(place.url) as client:
        client.sendall(REQUEST)
        assert client.recv(65536).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "delivery", [None, Delivery(Answer(200, {}, bytes(100)), drip=0.01), Delivery(Answer(200), delay=0.1)]
)
def test_a_client_that_is_gone_is_no_stack_trace(place: Place, delivery: Delivery | None) -> None:
    place.delivery = delivery
    with open_socket(place.url) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.sendall(REQUEST)
        wait_until(lambda: place.requests)
    wait_until(lambda: not place.connections())


@pytest.mark.parametrize(
    "delivery", [None, Delivery(Answer(200), delay=3600), Delivery(Answer(200, {}, b"xx"), drip=3600)]
)
def test_closing_cuts_open_connections_and_ends_their_threads(delivery: Delivery | None) -> None:
    place = Place()
    place.delivery = delivery
    place.server.start()
    with open_socket(place.url) as client:
        client.sendall(REQUEST)
        wait_until(lambda: place.requests)
        place.server.close(60)
        assert set(threading.enumerate()) <= place.before
        b"".join(receive(client))
    with pytest.raises(ConnectionRefusedError):
        open_socket(place.url)


def test_many_clients_connect_at_once(place: Place) -> None:
    barrier = threading.Barrier(40)

    def client() -> None:
        barrier.wait()
        send(place.url)

    workers = [threading.Thread(target=client) for _ in range(barrier.parties)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(place.requests) == 40


def test_a_taken_port_is_an_error(place: Place) -> None:
    with pytest.raises(OSError, match="already in use"):
        Server(place.server.server_port, place.respond, place.refuse, LARGEST)
