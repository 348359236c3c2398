"""The function on a custom runtime: its server as a process, and behind the gateway as behind the platform."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import pytest

from local.gateway import FunctionError, Gateway
from local.gateway.settings import CUSTOM
from local.simulator import Simulator
from local.stack import CUSTOM_HANDLER, DEMO_TOKEN, TOKEN_VARIABLE
from tests.builders import CREDENTIALS, PAYLOAD
from tests.e2e.instances import until

ROOT = Path(__file__).parent.parent.parent
BODY = json.dumps(dict(PAYLOAD)).encode()
HEADERS = {"Authorization": f"Bearer {DEMO_TOKEN}", "Content-Type": "application/json"}
Start = Callable[[str], Gateway]
TIMEOUT_S = 20


class Server:
    """The server as s.yaml starts it, but for where it listens."""

    def __init__(self, endpoint: str, **variables: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in CREDENTIALS}
        environment |= {"CCC_ENDPOINT": endpoint, "CCC_PROTOCOL": "http", TOKEN_VARIABLE: DEMO_TOKEN, **CREDENTIALS}
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "shared.server", CUSTOM_HANDLER, "--concurrency", "20"],
            env={**environment, "FC_CUSTOM_LISTEN_PORT": "0", **variables},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = urlsplit(self.process.stdout.readline().split()[-1]).netloc

    def ask(self, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, str]:
        """Post the documented webhook over a connection of its own."""
        with closing(self.connect()) as connection:
            return post(connection, headers=headers)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)

    def end(self) -> tuple[str, str]:
        """Stop it and return what it wrote to stdout and stderr."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=TIMEOUT_S)


@pytest.fixture
def server(simulator: Simulator) -> Iterator[Server]:
    with running(simulator.endpoint) as started:
        yield started


@contextmanager
def running(endpoint: str, **variables: str) -> Iterator[Server]:
    server = Server(endpoint, **variables)
    try:
        yield server
    finally:
        if server.process.stdout and not server.process.stdout.closed:
            server.end()


def post(
    connection: http.client.HTTPConnection, body: bytes = BODY, headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, str]:
    connection.request("POST", "/", body, HEADERS | dict(headers))
    response = connection.getresponse()
    answer = json.loads(response.read())
    return response.status, answer.get("code") or answer["status"]


def test_requests_run_side_by_side(simulator: Simulator, server: Server) -> None:
    for _ in range(20):
        simulator.faults.add({"kind": "delay", "ms": 1000})
    began = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: server.ask(), range(20)))
    assert answers == [(200, "muted")] * 20
    # One after the other would take twenty seconds.
    assert time.monotonic() - began < 10


def test_the_log_line_has_the_trace_of_the_request(server: Server) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for sent in (traceparent, traceparent.upper()):
        server.ask({"traceparent": sent})
    written, _ = server.end()
    assert [json.loads(line)["traceparent"] for line in written.splitlines()] == [traceparent, None]


def test_a_connection_serves_request_after_request(server: Server) -> None:
    connection = server.connect()
    for body, expected in (
        (BODY, (200, "muted")),
        (b"{", (400, "malformed_request")),
        (b"x" * 70_000, (413, "payload_too_large")),
        (BODY, (200, "muted")),
    ):
        assert post(connection, body) == expected
        assert connection.sock is not None
    connection.close()


def test_a_body_in_chunks_is_read(server: Server) -> None:
    connection = server.connect()
    connection.request("POST", "/", iter([BODY[:20], BODY[20:]]), HEADERS, encode_chunked=True)
    with connection.getresponse() as response:
        assert response.status == 200
    connection.close()


def test_a_request_that_runs_comes_to_its_end_when_the_server_is_stopped(simulator: Simulator, server: Server) -> None:
    simulator.faults.add({"kind": "delay", "ms": 1500})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.ask)
        until(lambda: simulator.requests_total)
        server.process.send_signal(signal.SIGTERM)
        assert answer.result(TIMEOUT_S) == (200, "muted")
    assert server.process.wait(TIMEOUT_S) == 0


def test_nothing_but_log_lines_is_written(server: Server) -> None:
    server.ask()
    server.ask({"Authorization": "Bearer wrong"})
    host, _, port = server.address.partition(":")
    with socket.create_connection((host, int(port)), TIMEOUT_S) as garbled:
        garbled.sendall(b"POST /?key=secret-in-the-query HTTP/9.9\r\nX: \x00\r\n\r\n")
        garbled.recv(4096)
    out, err = server.end()
    assert [json.loads(line)["code"] for line in out.splitlines()] == ["muted", "unauthorized"]
    assert err == ""


@pytest.mark.parametrize(
    "garbage",
    [
        b"POST /?key=secret-in-the-query HTTP/9.9\r\n\r\n",
        "POST /?key=secret-in-the-query\xe9 HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"),
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a\r\nExpect: secret\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Secret\r\n\r\n",
    ],
    ids=["version", "path", "expect", "header"],
)
def test_what_is_no_http_is_told_as_all_else_is(server: Server, garbage: bytes) -> None:
    host, _, port = server.address.partition(":")
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        connection.sendall(garbage)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "malformed_request"
    assert b"secret" not in answer.lower()


def test_many_small_headers_are_taken(server: Server) -> None:
    # The client of these tests reads no more than a hundred headers of an answer, and sends any number.
    assert server.ask({f"X-{number}": "1" for number in range(300)}) == (200, "muted")


def test_a_body_that_is_cut_off_mutes_nothing(simulator: Simulator, server: Server) -> None:
    form = "&".join(f"{name}={value}" for name, value in PAYLOAD.items()).encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {DEMO_TOKEN}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form) + 20}\r\n\r\n"
    )
    host, _, port = server.address.partition(":")
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        connection.sendall(head.encode() + form)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert simulator.requests == []


@pytest.mark.parametrize(
    ("option", "value"), [("--port", "65536"), ("--port", "-1"), ("--concurrency", "0"), ("--concurrency", "x")]
)
def test_an_option_out_of_range_is_told(option: str, value: str) -> None:
    done = start(CUSTOM_HANDLER, f"{option}={value}")
    assert done.returncode == 2
    assert f"argument {option}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_idempotency_keys_are_shared_by_requests_side_by_side(simulator: Simulator, server: Server) -> None:
    simulator.faults.add({"kind": "delay", "ms": 500})
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: server.ask({"Idempotency-Key": "1"}), range(10)))
    assert simulator.requests_total == 1
    assert set(answers) <= {(200, "muted"), (409, "in_progress")}
    assert (200, "muted") in answers


def test_a_port_that_is_taken_is_one_line(simulator: Simulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = start(CUSTOM_HANDLER, "--port", port)
    assert (done.returncode, done.stderr) == (1, f"cannot listen on 127.0.0.1:{port}: Address already in use\n")
    assert simulator.requests == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("functions.nobody:FUNCTION", "ModuleNotFoundError: No module named 'functions.nobody'"),
        ("functions.mute_call.index:handler", "ValueError: of type function, not a Function"),
        ("functions.mute_call.index:nothing", "AttributeError: module"),
        ("", "ValueError: Empty module name"),
    ],
)
def test_a_function_that_is_not_found_is_one_line(name: str, error: str) -> None:
    done = start(name, "--port", "0")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{name}: {error}")
    assert done.stderr.count("\n") == 1


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared.server", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)  # noqa: S603 - our own module


def test_the_gateway_takes_no_platform_header_of_a_client(simulator: Simulator, gateway: Start) -> None:
    connection = http.client.HTTPConnection(urlsplit(gateway(CUSTOM).url).netloc, timeout=TIMEOUT_S)
    assert post(connection, headers={"X-Fc-Access-Key-Id": "STS.mine"}) == (200, "muted")
    connection.close()
    assert simulator.requests[0]["headers"]["x-acs-accesskey-id"] == "STS.local"


def test_an_instance_that_has_died_is_replaced(
    gateway: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "")
    running = gateway(CUSTOM)
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=TIMEOUT_S)
    assert post(connection) == (500, "configuration_error")
    server, *workers = _children()
    for process in (server, *workers):
        os.kill(process, signal.SIGKILL)
    # Until it can be waited for, and without doing so: that is for the gateway.
    os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
    assert post(connection) == (500, "configuration_error")
    connection.close()
    running.__exit__()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # Each instance was initialized once, before its first request.
    assert [line["event"] for line in lines] == ["initialize", "webhook"] * 2


def test_a_direct_invocation_is_no_caller_here(gateway: Start) -> None:
    assert json.loads(gateway(CUSTOM).invoke(BODY))["code"] == "unauthorized"


def test_a_server_that_does_not_start_is_told() -> None:
    with pytest.raises(FunctionError, match="the server ended with code 2"), Gateway("nobody:FUNCTION", runtime=CUSTOM):
        pass


def _children() -> list[int]:
    """Return the processes below this one that serve."""
    found = []
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = status.read_bytes()
            parent = int(status.with_name("stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"shared.server" in command and (parent == os.getpid() or parent in found):
            found.append(int(status.parent.name))
    return found
