"""The gateway on the wire: malformed requests, chunks, connections."""

import json
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from local.gateway import Gateway
from tests.integration.gateway import sample_functions
from tests.integration.gateway.wire import open_socket, receive, send, send_raw

SAMPLES = "tests.integration.gateway.sample_functions"


@pytest.fixture
def url() -> Iterator[str]:
    with Gateway(f"{SAMPLES}:count") as gateway:
        yield gateway.url


@pytest.mark.parametrize(
    "wire",
    [
        b"nonsense\r\n\r\n",
        b"GET /\r\n\r\n",
        b"PUT /\r\n\r\n",
        b"GET / HTTP/x\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        b"GET / a HTTP/1.1\r\n\r\n",
        b"GET * HTTP/1.1\r\n\r\n",
        b"GET example.com HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: 1\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nFrom me\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: 1\r\nFrom me\r\nX-B: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nX(A): 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: \0\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: " + b"x" * 70000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
    ],
)
def test_a_request_that_cannot_be_read_is_400_and_never_a_stack_trace(
    url: str, wire: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    head, _, body = send_raw(url, wire).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nX-Fc-Request-Id: 1-" in head
    assert json.loads(body)["Code"] == "InvalidArgument"
    assert sample_functions.calls == []
    assert capsys.readouterr().err == ""


def test_a_request_after_an_unreadable_one_is_not_taken_from_its_rest(url: str) -> None:
    answer = send_raw(url, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer


def test_several_requests_on_one_connection_are_answered_in_order(url: str) -> None:
    request = b"POST /%d HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = send_raw(url, request % 1, request % 2, request % 3)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b"call 1") < answer.index(b"call 2") < answer.index(b"call 3")


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    ],
)
def test_the_server_closes_where_the_client_keeps_no_connection(url: str, wire: bytes) -> None:
    with open_socket(url) as client:
        client.sendall(wire)
        answer = b"".join(receive(client))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_a_chunked_body_is_decoded() -> None:
    with Gateway(f"{SAMPLES}:echo") as gateway:
        wire = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        event = json.loads(send_raw(gateway.url, wire).partition(b"\r\n\r\n")[2])
    assert event["body"] == "abcde"
    assert event["headers"] == {}


def test_a_multipart_body_is_no_malformed_header() -> None:
    with Gateway(f"{SAMPLES}:echo") as gateway:
        reply = send(gateway.url, b"--x--", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (reply.status, reply.json["isBase64Encoded"]) == (200, True)


def test_a_target_in_absolute_form_and_double_slashes_keep_their_path() -> None:
    with Gateway(f"{SAMPLES}:echo") as gateway:
        targets = (b"http://a.example/b?c=d", b"//b//c")
        answers = [send_raw(gateway.url, b"GET %s HTTP/1.1\r\n\r\n" % target) for target in targets]
    events = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers]
    assert [(event["rawPath"], event["queryParameters"]) for event in events] == [("/b", {"c": "d"}), ("//b//c", {})]


def test_a_client_that_waits_for_100_continue_gets_it(url: str) -> None:
    with open_socket(url) as client:
        client.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_goes_away_is_no_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    with Gateway(f"{SAMPLES}:wait") as gateway:
        with open_socket(gateway.url) as client:
            client.sendall(b"POST / HTTP/1.1\r\n\r\n")
            assert sample_functions.started.wait(10)
            # A reset, not an orderly end: writing the answer fails.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sample_functions.release.set()
        assert sample_functions.finished.wait(10)
        assert send(gateway.url).status == 200
    assert capsys.readouterr().err == ""


def test_closing_ends_an_idle_connection() -> None:
    with Gateway(f"{SAMPLES}:count") as gateway:
        client = open_socket(gateway.url)
        client.sendall(b"POST / HTTP/1.1\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    with client:
        assert client.recv(1) == b""


def test_a_client_that_will_not_stop_sending_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.gateway.server._LINGER_BYTES", 1)
    with Gateway(f"{SAMPLES}:count") as gateway, open_socket(gateway.url) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert b"".join(receive(client)).startswith(b"HTTP/1.1 400 ")
        with pytest.raises(ConnectionError):
            client.sendall(bytes(1 << 28))


def test_a_client_that_never_closes_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.gateway.server._LINGER_SECONDS", 0.01)
    with Gateway(f"{SAMPLES}:count") as gateway, open_socket(gateway.url) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert b"".join(receive(client)).startswith(b"HTTP/1.1 400 ")
        connections = [thread for thread in threading.enumerate() if thread.name == "connection"]
        for thread in connections:
            thread.join(10)
        assert [thread.is_alive() for thread in connections] in ([], [False])


def test_only_loopback_is_bound(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")


def test_a_taken_port_is_an_error(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(OSError, match="already in use"), Gateway(f"{SAMPLES}:count", port=port):
        pass
