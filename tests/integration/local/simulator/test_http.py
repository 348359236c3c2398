"""The simulator over a real connection: API and control plane, faults as they arrive, bad input, and a clean end."""

import gzip
import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.simulator import AccessKey, FaultError, OptionError, Options, Simulator
from local.simulator.request import Request
from tests.integration.wire import open_socket, send_raw
from tests.unit.local.simulator.signing import MUTE, NOW, signed

Send = Callable[[Request], tuple[http.client.HTTPResponse, bytes]]
Control = Callable[..., tuple[int, Any]]


def test_requests_share_a_connection(simulator: Simulator, connection: http.client.HTTPConnection, send: Send) -> None:
    response, body = send(signed())
    first_socket = connection.sock

    assert (response.status, json.loads(body)["Code"]) == (200, "OK")
    assert response.headers["Content-Type"] == "application/json;charset=utf-8"
    assert send(signed(body=b"not a form"))[0].status == 200
    assert send(signed({"InstanceId": "i"}))[0].status == 400
    assert connection.sock is first_socket
    assert [request["status"] for request in simulator.requests] == [200, 200, 400]


def test_the_state_is_the_same_from_inside_and_outside(simulator: Simulator, send: Send, control: Control) -> None:
    send(signed())

    assert control("GET", "state") == (200, simulator.snapshot())
    assert simulator.state.instances["ccc-test"].calls[MUTE["JobId"]].channels[0].flags == {"MUTED"}
    assert simulator.url == f"http://{simulator.endpoint}"


def test_the_control_plane_over_http(simulator: Simulator, send: Send, control: Control) -> None:
    assert control("POST", "faults", {"kind": "error", "http_status": 503, "code": "ServiceUnavailable"})[0] == 200
    assert control("GET", "state")[1]["pending_faults"] == 1
    assert send(signed())[0].status == 503
    assert control("POST", "faults", {"kind": "error"})[0] == 400
    assert control("POST", "reset", {"business_errors": "http-200"})[0] == 200
    assert send(signed({**MUTE, "JobId": "job-1"}))[0].status == 200
    assert simulator.options == Options(business_errors="http-200")
    assert control("DELETE", "state")[0] == 405
    assert control("GET", "nothing")[0] == 404


def test_the_python_api_refuses_what_http_refuses(simulator: Simulator) -> None:
    with pytest.raises(FaultError):
        simulator.faults.add({"kind": "explode"})
    with pytest.raises(OptionError):
        simulator.reset(repeated_mute="maybe")
    simulator.reset(repeated_mute="error")
    assert simulator.options.repeated_mute == "error"


def test_a_key_of_ones_own(send: Send) -> None:
    with Simulator(access_key=AccessKey("LTAI", "s", ""), clock=lambda: NOW) as other:
        known = signed(access_key_id="LTAI", secret="s", leave_out=("x-acs-security-token",))
        answers = [send_raw(other.url, raw_request(each)) for each in (signed(), known)]

    assert [answer.split()[1] for answer in answers] == [b"404", b"200"]
    assert send(signed())[0].status == 200


def raw_request(request: Request) -> bytes:
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers)]
    return "\r\n".join([*lines, f"Content-Length: {len(request.body)}", "", ""]).encode() + request.body


@pytest.mark.parametrize(
    ("script", "raised"),
    [
        ({"kind": "drop", "when": "before"}, http.client.RemoteDisconnected),
        ({"kind": "drop", "when": "after"}, http.client.RemoteDisconnected),
        ({"kind": "truncate"}, http.client.IncompleteRead),
    ],
)
def test_a_broken_answer_is_recorded_and_the_next_one_is_whole(
    simulator: Simulator,
    connection: http.client.HTTPConnection,
    send: Send,
    script: dict[str, str],
    raised: type[Exception],
) -> None:
    simulator.faults.add(script)

    with pytest.raises(raised):
        send(signed())

    assert len(simulator.requests) == 1
    connection.close()
    assert send(signed())[0].status == 200


def test_a_raw_answer_arrives_as_it_is(simulator: Simulator, send: Send) -> None:
    simulator.faults.add({"kind": "raw", "http_status": 502, "content_type": "text/html", "body": "<h1>Bad</h1>"})
    simulator.faults.add({"kind": "raw", "http_status": 204})

    response, body = send(signed())
    assert (response.status, response.headers["Content-Type"], body) == (502, "text/html", b"<h1>Bad</h1>")
    response, body = send(signed())
    assert (response.status, response.headers["Content-Length"], body) == (204, None, b"")
    assert send(signed())[0].status == 200


def test_gzip_and_a_redirect_arrive(simulator: Simulator, send: Send) -> None:
    simulator.faults.add({"kind": "gzip"})
    simulator.faults.add({"kind": "redirect", "location": f"{simulator.url}/elsewhere", "http_status": 307})

    response, body = send(signed())
    assert response.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["Code"] == "OK"
    response, body = send(signed())
    assert (response.status, response.headers["Location"], body) == (307, f"{simulator.url}/elsewhere", b"")


@pytest.mark.parametrize("script", [{"kind": "delay", "ms": 80}, {"kind": "drip", "ms": 1}])
def test_a_slow_answer_is_the_normal_one(simulator: Simulator, send: Send, script: dict[str, Any]) -> None:
    simulator.faults.add(script)
    started = time.monotonic()

    assert json.loads(send(signed())[1])["Code"] == "OK"
    assert time.monotonic() - started >= 0.08


@pytest.mark.parametrize("script", [{"kind": "delay", "ms": 3_600_000}, {"kind": "drip", "ms": 3_600_000}])
def test_closing_ends_whatever_waits(script: dict[str, Any]) -> None:
    before = set(threading.enumerate())
    with Simulator(clock=lambda: NOW) as simulator:
        simulator.faults.add(script)
        client = open_socket(simulator.url)
        client.sendall(raw_request(signed()))
        while not simulator.requests:
            time.sleep(0.005)

    assert set(threading.enumerate()) <= before
    client.close()


def test_a_simulator_that_was_never_entered_has_nothing_to_close() -> None:
    Simulator().__exit__(None, None, None)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413),
        (b"nonsense\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_bad_input_gets_a_clear_answer_and_is_not_recorded(simulator: Simulator, data: bytes, status: int) -> None:
    head, _, body = send_raw(simulator.url, data).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["error"]
    assert simulator.requests == []


@pytest.mark.parametrize(("method", "path"), [("BREW", "/"), ("GET", "/other"), ("GET", "/_simulator")])
def test_an_unknown_method_or_path_is_an_unknown_api(send: Send, method: str, path: str) -> None:
    response, body = send(signed(method=method, path=path))

    assert (response.status, json.loads(body)["Code"]) == (404, "InvalidAction.NotFound")


def test_a_bug_is_an_answer_and_no_stack_trace(
    simulator: Simulator, send: Send, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator.state.instances = None  # type: ignore[assignment]

    response, body = send(signed())

    assert (response.status, json.loads(body)) == (500, {"error": "bug in the simulator: TypeError"})
    assert capfd.readouterr() == ("", "")
