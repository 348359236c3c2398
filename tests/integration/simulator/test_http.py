"""The simulator over a real connection: keep-alive, faults as they arrive, bad input, and a clean end."""

import gzip
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.simulator import AccessKey, FaultError, OptionError, Options, Simulator
from local.simulator.handler import Handler
from local.simulator.request import Request
from tests.unit.local.simulator.signing import MUTE, NOW, signed_v1, signed_v3

Send = Callable[[Request], tuple[http.client.HTTPResponse, bytes]]
Control = Callable[..., tuple[int, Any]]


# Linger for no time: closing is a reset instead of an orderly end, as when a client is killed.
RESET = struct.pack("ii", 1, 0)


def exchange(simulator: Simulator, data: bytes, *, half_close: bool = False) -> bytes:
    """Send raw bytes and return everything that comes back until the simulator closes."""
    host, _, port = simulator.endpoint.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def raw_request(request: Request) -> bytes:
    lines = [f"{request.method} {request.path}?{request.query} HTTP/1.1", *(f"{n}: {v}" for n, v in request.headers)]
    return "\r\n".join([*lines, f"Content-Length: {len(request.body)}", "", ""]).encode() + request.body


def test_requests_share_a_connection(simulator: Simulator, connection: http.client.HTTPConnection, send: Send) -> None:
    response, body = send(signed_v3())
    first_socket = connection.sock

    assert (response.status, json.loads(body)["Code"]) == (200, "OK")
    assert response.headers["Content-Type"] == "application/json;charset=utf-8"
    assert response.headers["Connection"] == "keep-alive"
    assert (response.version, int(response.headers["Content-Length"])) == (11, len(body))
    assert send(signed_v3(body=b"not a form"))[0].status == 200
    assert send(signed_v1(in_form=True, method="POST"))[0].status == 200
    assert send(signed_v3({"InstanceId": "i"}))[0].status == 400
    assert connection.sock is first_socket
    assert [request["status"] for request in simulator.requests] == [200, 200, 200, 400]


def test_the_state_is_the_same_from_inside_and_outside(simulator: Simulator, send: Send, control: Control) -> None:
    send(signed_v3())

    assert control("GET", "state") == (200, simulator.snapshot())
    assert simulator.state.instances["ccc-test"].calls[MUTE["JobId"]].channels[0].flags == {"MUTED"}
    assert simulator.url == f"http://{simulator.endpoint}"


def test_the_control_plane_over_http(simulator: Simulator, send: Send, control: Control) -> None:
    assert control("POST", "faults", {"kind": "error", "http_status": 503, "code": "ServiceUnavailable"})[0] == 200
    assert send(signed_v3())[0].status == 503
    assert control("POST", "faults", {"kind": "error"})[0] == 400
    assert control("POST", "reset", {"business_errors": "http-200"})[0] == 200
    assert send(signed_v3({**MUTE, "JobId": "job-1"}))[0].status == 200
    assert simulator.options == Options(business_errors="http-200")
    assert control("DELETE", "state")[0] == 405
    assert control("GET", "nothing")[0] == 404


def test_faults_do_not_meet_the_control_plane(simulator: Simulator, control: Control) -> None:
    simulator.faults.add({"kind": "drop"})

    assert control("GET", "state")[1]["pending_faults"] == 1


def test_the_python_api_refuses_what_http_refuses(simulator: Simulator) -> None:
    with pytest.raises(FaultError):
        simulator.faults.add({"kind": "explode"})
    with pytest.raises(OptionError):
        simulator.reset(empty_fields="maybe")
    simulator.reset(empty_fields="null")
    assert simulator.options.empty_fields == "null"


def test_a_key_of_ones_own(send: Send) -> None:
    with Simulator(access_key=AccessKey("LTAI", "s", ""), clock=lambda: NOW) as other:
        request = signed_v3(access_key_id="LTAI", secret="s", leave_out=("x-acs-security-token",))
        data = exchange(
            other, raw_request(signed_v3()) + raw_request(request).replace(b"host:", b"Connection: close\r\nhost:")
        )

    assert data.startswith(b"HTTP/1.1 404 ")
    assert b"HTTP/1.1 200 OK" in data
    assert send(signed_v3())[0].status == 200


def test_a_delay_holds_the_answer_back(simulator: Simulator, send: Send) -> None:
    simulator.faults.add({"kind": "delay", "ms": 80})
    started = time.monotonic()

    assert send(signed_v3())[0].status == 200
    assert time.monotonic() - started >= 0.08


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dropped_request_gets_no_answer(simulator: Simulator, send: Send, when: str) -> None:
    simulator.faults.add({"kind": "drop", "when": when})

    with pytest.raises(http.client.RemoteDisconnected):
        send(signed_v3())

    assert len(simulator.requests) == 1


def test_a_raw_answer_arrives_as_it_is(simulator: Simulator, send: Send) -> None:
    simulator.faults.add({"kind": "raw", "http_status": 502, "content_type": "text/html", "body": "<h1>Bad</h1>"})
    simulator.faults.add({"kind": "raw", "http_status": 204})

    response, body = send(signed_v3())
    assert (response.status, response.headers["Content-Type"], body) == (502, "text/html", b"<h1>Bad</h1>")
    response, body = send(signed_v3())
    assert (response.status, response.headers["Content-Length"], body) == (204, None, b"")
    assert send(signed_v3())[0].status == 200


def test_a_truncated_answer_ends_early(
    simulator: Simulator, send: Send, connection: http.client.HTTPConnection
) -> None:
    simulator.faults.add({"kind": "truncate"})

    with pytest.raises(http.client.IncompleteRead) as caught:
        send(signed_v3())

    assert caught.value.partial
    assert caught.value.expected
    connection.close()
    assert send(signed_v3())[0].status == 200


def test_gzip_arrives_compressed(simulator: Simulator, send: Send) -> None:
    simulator.faults.add({"kind": "gzip"})
    simulator.faults.add({"kind": "gzip", "broken": True})

    response, body = send(signed_v3())
    assert response.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["Code"] == "OK"
    response, body = send(signed_v3())
    assert response.headers["Content-Encoding"] == "gzip"
    assert body.startswith(b"{")


def test_a_redirect_arrives(simulator: Simulator, send: Send) -> None:
    simulator.faults.add({"kind": "redirect", "location": f"{simulator.url}/elsewhere", "http_status": 307})

    response, body = send(signed_v3())

    assert (response.status, response.headers["Location"], body) == (307, f"{simulator.url}/elsewhere", b"")


@pytest.mark.parametrize("leave", [(), ("x-acs-signature-nonce",)])
def test_a_dripped_answer_is_complete_in_the_end(simulator: Simulator, send: Send, leave: tuple[str, ...]) -> None:
    simulator.faults.add({"kind": "drip", "ms": 1})
    started = time.monotonic()

    response, body = send(signed_v3(leave_out=leave))

    assert json.loads(body)["Code"] == ("MissingSignatureNonce" if leave else "OK")
    assert time.monotonic() - started >= len(body) / 1000
    assert response.headers["Connection"] == "keep-alive"
    assert send(signed_v3())[0].status == 200


def test_a_drip_with_connection_close_is_complete_too(simulator: Simulator) -> None:
    simulator.faults.add({"kind": "drip", "ms": 1})

    data = exchange(simulator, raw_request(signed_v3(headers={"connection": "close"})))

    assert json.loads(data.partition(b"\r\n\r\n")[2])["Code"] == "OK"


def test_the_head_of_a_dripped_answer_comes_at_once(simulator: Simulator) -> None:
    simulator.faults.add({"kind": "drip", "ms": 3_600_000})
    host, _, port = simulator.endpoint.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(raw_request(signed_v3()))
        assert connection.recv(65536).endswith(b"\r\n\r\n")


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_drip_ends_when_the_client_is_gone(simulator: Simulator) -> None:
    others = threads()
    simulator.faults.add({"kind": "drip", "ms": 50})
    host, _, port = simulator.endpoint.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(raw_request(signed_v3()))
        assert connection.recv(1)

    wait_until(lambda: threads() <= others)


def test_an_answer_to_a_client_that_is_gone_is_given_up(
    simulator: Simulator, capfd: pytest.CaptureFixture[str]
) -> None:
    others = threads()
    simulator.faults.add({"kind": "delay", "ms": 100})
    host, _, port = simulator.endpoint.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.sendall(raw_request(signed_v3()))
    wait_until(lambda: simulator.requests)
    connection.close()

    wait_until(lambda: threads() <= others)
    assert capfd.readouterr() == ("", "")


def test_a_connection_that_is_reset_ends_quietly(simulator: Simulator, capfd: pytest.CaptureFixture[str]) -> None:
    others = threads()
    host, _, port = simulator.endpoint.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.sendall(raw_request(signed_v3()))
    assert connection.recv(65536)
    connection.close()

    wait_until(lambda: threads() <= others)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "script", [None, {"kind": "delay", "ms": 3_600_000}, {"kind": "drip", "ms": 3_600_000}, {"kind": "drip", "ms": 1}]
)
def test_closing_cuts_open_connections_and_ends_their_threads(script: dict[str, Any] | None) -> None:
    before = threads()
    with Simulator(clock=lambda: NOW) as simulator:
        if script:
            simulator.faults.add(script)
        host, _, port = simulator.endpoint.partition(":")
        connection = socket.create_connection((host, int(port)), timeout=10)
        connection.sendall(raw_request(signed_v3()))
        wait_until(lambda: simulator.requests)
        if script is None or script["kind"] == "drip":
            assert connection.recv(1)
        started = time.monotonic()

    assert time.monotonic() - started < 3
    assert threads() == before
    with connection:
        while connection.recv(65536):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=10).close()


def test_a_simulator_that_was_never_entered_has_nothing_to_close() -> None:
    Simulator().__exit__(None, None, None)


def test_many_clients_connect_at_once(simulator: Simulator) -> None:
    statuses: list[int] = []
    barrier = threading.Barrier(40)

    def client(request: Request) -> None:
        barrier.wait()
        statuses.append(int(exchange(simulator, raw_request(request)).split()[1]))

    workers = [
        threading.Thread(target=client, args=(signed_v3(headers={"connection": "close"}),))
        for _ in range(barrier.parties)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)

    assert statuses == [200] * 40
    assert simulator.snapshot()["requests_total"] == 40


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, "Content-Length must be one number"),
        (b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400, "Content-Length must be one number"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413, "body must be at most 1048576 bytes"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            411,
            "Transfer-Encoding is not supported, send Content-Length",
        ),
        (b"POST /_simulator/reset HTTP/1.1\r\nContent-Length: y\r\n\r\n", 400, "Content-Length must be one number"),
        # The words of the rest are Python's, and change with it.
        (b"nonsense\r\n\r\n", 400, ""),
        (b"GET / HTTP/9.9.9\r\n\r\n", 400, ""),
        (b"BREW / HTTP/1.1\r\n\r\n", 501, ""),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414, ""),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431, ""),
    ],
)
def test_bad_input_gets_a_clear_answer(
    simulator: Simulator, capfd: pytest.CaptureFixture[str], data: bytes, status: int, text: str
) -> None:
    answer = exchange(simulator, data)

    answer_head, _, body = answer.partition(b"\r\n\r\n")
    assert answer_head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close" in answer_head
    error = json.loads(body)["error"]
    assert error == text if text else error
    assert capfd.readouterr() == ("", "")
    assert simulator.requests == []


def test_a_body_that_is_too_large_is_answered_although_it_is_still_being_sent(simulator: Simulator) -> None:
    connection = http.client.HTTPConnection(simulator.endpoint, timeout=10)
    connection.request("POST", "/", b"a" * 3_000_000)

    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_without_end_is_not_read_for_ever(simulator: Simulator) -> None:
    host, _, port = simulator.endpoint.partition(":")
    others = threads()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        with pytest.raises(OSError, match=r"reset|pipe"):
            connection.sendall(b"a" * 100_000_000)
    wait_until(lambda: threads() <= others)


def test_a_short_body_is_refused(simulator: Simulator) -> None:
    answer = exchange(simulator, b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", half_close=True)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b'{"error": "body is shorter than Content-Length"}')


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_no_api(send: Send, method: str) -> None:
    response, body = send(signed_v3(method=method))

    assert (response.status, json.loads(body)["Code"]) == (404, "InvalidAction.NotFound")


def test_head_has_no_body(simulator: Simulator, send: Send) -> None:
    for script in (None, {"kind": "drip", "ms": 1}, {"kind": "truncate"}):
        if script:
            simulator.faults.add(script)
        response, body = send(signed_v3(method="HEAD"))
        assert (response.status, body) == (404, b"")
        assert int(response.headers["Content-Length"]) > 0


@pytest.mark.parametrize("target", ["/other", "/_simulator", "*", "http://127.0.0.1/_simulator/state"])
def test_an_unknown_path_is_an_unknown_api(simulator: Simulator, target: str) -> None:
    data = f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: application/json\r\n\r\n"
    answer = exchange(simulator, data.encode())

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"InvalidAction.NotFound" in answer


def test_http_1_0_closes(simulator: Simulator) -> None:
    answer = exchange(simulator, b"GET /_simulator/state HTTP/1.0\r\n\r\n")

    assert b"\r\nConnection: close\r\n" in answer


def test_a_bug_is_an_answer_and_no_stack_trace(
    simulator: Simulator, send: Send, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator.state.instances = None  # type: ignore[assignment]

    response, body = send(signed_v3())

    assert (response.status, json.loads(body)) == (500, {"error": "bug in the simulator: TypeError"})
    assert capfd.readouterr() == ("", "")


def test_an_idle_connection_is_given_up(
    monkeypatch: pytest.MonkeyPatch, simulator: Simulator, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.05)

    assert exchange(simulator, b"") == b""
    assert exchange(simulator, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n") == b""
    assert capfd.readouterr() == ("", "")
