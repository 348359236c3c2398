"""The function on a custom runtime: its server as a process, and behind the gateway as behind the platform."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import pytest

from local.demo.stack import CUSTOM_HANDLER, DEMO_TOKEN, TOKEN_VARIABLE
from local.gateway import FunctionError, Gateway
from local.gateway.settings import CUSTOM
from local.simulator import Simulator
from tests.builders import CREDENTIALS, PAYLOAD
from tests.e2e.instances import until

ROOT = Path(__file__).parent.parent.parent
BODY = json.dumps(dict(PAYLOAD)).encode()
HEADERS = {"Authorization": f"Bearer {DEMO_TOKEN}", "Content-Type": "application/json"}
Start = Callable[[str], Gateway]
TIMEOUT_S = 60

# Each test starts a server of its own.
pytestmark = [pytest.mark.packaged, pytest.mark.slow]


OURS = ("-m", "shared.server", CUSTOM_HANDLER, "--concurrency", "20")
# The standard's own server, which checks besides that the application keeps to the standard.
REFERENCE = """
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator
from functions.mute_call.index import application
WSGIRequestHandler.log_message = lambda *_: None
def serve(environ, start_response):
    # What it makes of an absolute target is not the standard's.
    checked = validator(application) if environ["PATH_INFO"].startswith("/") else application
    return checked(environ, start_response)
with make_server("127.0.0.1", 0, serve) as server:
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
"""
GUNICORN = ("--bind", "127.0.0.1:0", "--threads", "4", "--log-file", "/dev/stdout")
SERVERS = {
    "ours": OURS,
    "gunicorn": ("-m", "gunicorn", "functions.mute_call.index:application", *GUNICORN),
    "wsgiref": ("-c", REFERENCE),
}


class Server:
    """The server as s.yaml starts it, but for where it listens; or another one that serves the same application."""

    def __init__(self, endpoint: str, command: Sequence[str] = OURS, **variables: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in CREDENTIALS}
        environment |= {"CCC_ENDPOINT": f"http://{endpoint}", TOKEN_VARIABLE: DEMO_TOKEN, **CREDENTIALS}
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, *command],
            env={**environment, "FC_CUSTOM_LISTEN_PORT": "0", **variables},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Nobody reads the log lines before the end.
            pipesize=1_048_576,
            text=True,
        )
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        self.address = next(found[1] for line in lines if (found := re.search(r"http://(\S+)", line)))

    def ask(self, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, str]:
        """Post the documented webhook over a connection of its own."""
        with closing(self.connect()) as connection:
            return post(connection, headers=headers)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)

    def dial(self) -> socket.socket:
        """Return a connection on which anything can be sent."""
        host, _, port = self.address.partition(":")
        return socket.create_connection((host, int(port)), TIMEOUT_S)

    def exchange(self, content: bytes) -> tuple[int, bytes, bytes]:
        """Send what need not be HTTP; return status, head and body of the answer, after which the connection ends."""
        answer = b""
        # Who answers before all has been sent may reset the connection: what has come by then counts.
        with self.dial() as connection:
            with suppress(ConnectionError):
                connection.sendall(content)
            with suppress(ConnectionError):
                while part := connection.recv(65_536):
                    answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head, body

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
def running(endpoint: str, command: Sequence[str] = OURS, **variables: str) -> Iterator[Server]:
    server = Server(endpoint, command, **variables)
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
    for _ in range(21):
        simulator.faults.add({"kind": "delay", "ms": 1000})
    began = time.monotonic()
    with ThreadPoolExecutor(21) as pool:
        answers = list(pool.map(lambda _: server.ask(), range(21)))
    assert answers == [(200, "muted")] * 21
    # One after the other would take 21 seconds, and only one of them has to wait for another.
    assert 2 < time.monotonic() - began < 10


def test_a_connection_serves_request_after_request(server: Server) -> None:
    connection = server.connect()
    for body, expected in (
        (BODY, (200, "muted")),
        (b"{", (400, "malformed_request")),
        (b"x" * 70_000, (400, "malformed_request")),
        (BODY, (200, "muted")),
    ):
        assert post(connection, body) == expected
        assert connection.sock is not None
    connection.close()


def test_a_request_that_runs_comes_to_its_end_when_the_server_is_stopped(simulator: Simulator, server: Server) -> None:
    simulator.faults.add({"kind": "delay", "ms": 1500})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.ask)
        until(lambda: simulator.requests_total)
        server.process.send_signal(signal.SIGTERM)
        assert answer.result(TIMEOUT_S) == (200, "muted")
    assert server.process.wait(TIMEOUT_S) == 0


NO_HTTP = (
    b"POST /?key=secret-in-the-query HTTP/9.9\r\n\r\n",
    "POST /?key=secret-in-the-query\xe9 HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"),
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a\r\nExpect: secret\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nX-Secret\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\n" + b"X-Secret: %s\r\n" % (b"1" * 16_000) * 3,
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1024 + b"1",
    *(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %s\r\n\r\n0\r\n\r\n" % coding
        for coding in (b"gzip, chunked", b"identity, chunked", b"deflate,chunked")
    ),
)


def test_what_is_no_http_is_a_problem_and_leaves_no_trace(server: Server) -> None:
    for garbage in NO_HTTP:
        status, head, body = server.exchange(garbage)
        assert (status, json.loads(body)["code"]) == (400, "malformed_request"), garbage[:80]
        assert b"application/problem+json" in head
        assert b"secret" not in (head + body).lower()
    # The client of these tests reads no more than a hundred headers of an answer, and sends any number.
    assert server.ask({f"X-{number}": "1" for number in range(300)}) == (200, "muted")
    server.ask({"Authorization": "Bearer wrong"})
    out, err = server.end()
    assert [json.loads(line)["code"] for line in out.splitlines()] == ["muted", "unauthorized"]
    assert err == ""


def request_of(
    target: str = "/", body: bytes = BODY, method: str = "POST", *headers: str, length: int | None = None
) -> bytes:
    """Return a request as it is sent, of one connection; a negative length is none."""
    length = len(body) if length is None else length
    own = [f"{name}: {value}" for name, value in HEADERS.items()]
    framing = [f"Content-Length: {length}"] if length >= 0 else []
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *own, *framing, "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


CHUNKS = "Transfer-Encoding: chunked"
TOO_LARGE = b"x" * 300_000
# What is asked, its status and its code.
ASKED = {
    "a page": (request_of("/healthz", b"", "GET", length=-1), 200, "ok"),
    "a webhook": (request_of(), 200, "muted"),
    "a path with escapes": (request_of("/x%2Fy/de%66ault"), 200, "muted"),
    "an absolute target without a path": (request_of("http://x"), 200, "muted"),
    "an absolute target of nobody": (request_of("http://x/nobody"), 401, "unauthorized"),
    "head": (request_of("/", b"", "HEAD", length=-1), 405, None),
    "no length": (request_of("/", b"", length=-1), 422, "invalid_parameters"),
    "too large": (request_of("/", TOO_LARGE), 413, "payload_too_large"),
    "too large for another method": (request_of("/", TOO_LARGE, "PUT"), 413, "payload_too_large"),
    "credentials twice": (
        request_of("/", BODY, "POST", "X-Fc-Access-Key-Id: STS.a", "X-Fc-Access-Key-Id: STS.b"),
        400,
        "malformed_request",
    ),
}
IN_CHUNKS = request_of("/", chunked(BODY, 20), "POST", CHUNKS, length=-1)


@pytest.mark.parametrize("command", SERVERS.values(), ids=SERVERS)
def test_any_server_that_speaks_wsgi_serves_the_application(simulator: Simulator, command: Sequence[str]) -> None:
    if "gunicorn" in command and importlib.util.find_spec("gunicorn.ctl") is None:
        pytest.skip("the package has of gunicorn what ours needs")
    # The reference does not read chunks, and their end is unknown to whoever does.
    of_chunks = (400, "malformed_request") if command[0] == "-c" else (200, "muted")
    expected = {name: (status, code) for name, (_, status, code) in ASKED.items()} | {"chunks": of_chunks}
    with running(simulator.endpoint, command) as server:
        found = {}
        for name, content in {**{name: row[0] for name, row in ASKED.items()}, "chunks": IN_CHUNKS}.items():
            status, _, body = server.exchange(content)
            answer = json.loads(body) if body else {"code": None}
            found[name] = (status, answer["code"] if "code" in answer else answer["status"])
        assert found == expected
        if command == OURS:
            assert server.end()[1] == ""


def test_a_platform_header_that_is_not_plain_is_refused(simulator: Simulator, server: Server) -> None:
    for headers in (
        ("x-fc-account-id: 1", "X-Fc-Account-Id: 2"),
        ("x-fc-security-token: a", "x-fc-security-token:"),
        ("x_fc_access_key_id: STS.mine",),
        ("x-fc-access_key-id: STS.mine", "x-fc-access-key-id: STS.real"),
    ):
        status, _, body = server.exchange(request_of("/", BODY, "POST", *headers))
        assert (status, json.loads(body)["code"]) == (400, "malformed_request"), headers
    assert simulator.requests == []


OVERSIZED = (
    request_of("/", b"", length=32_000_000),
    request_of("/", b"x" * 32_000_000),
    request_of("/", chunked(b"x" * 32_000_000, 1_000_000), "POST", CHUNKS, length=-1),
    request_of("/", chunked(b"x" * 300_000, 10_000), "PUT", CHUNKS, length=-1),
    request_of("/", b"3d0900000\r\n" + b"x" * 400_000, "POST", CHUNKS, length=-1),
)


def test_an_oversized_body_is_refused_whatever_its_form_and_costs_little_memory(server: Server) -> None:
    assert server.ask() == (200, "muted")
    before = _peak_kb()
    for content in OVERSIZED:
        # Without `Connection: close` of the client's: the server must say so, and do so.
        status, head, body = server.exchange(content.replace(b"Connection: close\r\n", b""))
        assert (status, json.loads(body)["code"]) == (413, "payload_too_large")
        assert b"Connection: close" in head
        assert _peak_kb() - before < 4096


def _peak_kb() -> int:
    """Return the most memory that a serving process has ever had."""
    found = (re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text()) for process in _children())
    return max(int(match[1]) for match in found if match)


# Clients that get in the way of others: how many there are, what each sends at first, and whether it goes on by a byte
# at a time. None of them closes its connection, and none of them reads.
HEAD = request_of().partition(b"\r\n\r\n")[0]
PAGES = request_of("/openapi.json", b"", "GET", length=-1).replace(b"Connection: close\r\n", b"")
NUISANCES = {
    "have been told goodbye": (8, request_of(), False),
    "are kept alive": (300, request_of("/nobody").replace(b"Connection: close\r\n", b""), False),
    "say nothing": (300, b"", False),
    "drip a head": (300, HEAD, True),
    "drip a body": (300, request_of("/", b"{", length=262_144), True),
    "drip chunks": (300, request_of("/", b"40000\r\n{", "POST", CHUNKS, length=-1), True),
    "do not read": (50, PAGES * 100, False),
}


@pytest.mark.parametrize(("number", "content", "drips"), NUISANCES.values(), ids=NUISANCES)
def test_no_client_stops_service_for_others(server: Server, number: int, content: bytes, drips: bool) -> None:  # noqa: FBT001 - a column
    with nuisances(server, number, content) as connections, dripping(connections if drips else ()):
        for _ in range(10):
            began = time.monotonic()
            assert server.ask() == (200, "muted")
            # It used to wait for the time limits of the others.
            assert time.monotonic() - began < 5
            # Some nuisances take a while to become one.
            time.sleep(0.3)
    assert server.end()[1] == ""


def test_each_client_has_its_time_and_no_more(server: Server) -> None:
    began = time.monotonic()
    with (
        closing(server.connect()) as idle,
        nuisances(server, 1, b"") as silent,
        nuisances(server, 1, HEAD) as head,
        nuisances(server, 1, NUISANCES["drip a body"][1]) as body,
        nuisances(server, 1, NUISANCES["drip chunks"][1]) as chunks,
        nuisances(server, 1, PAGES * 100) as deaf,
        dripping([*head, *body, *chunks]),
    ):
        assert post(idle) == (200, "muted")
        for connection in (*silent, *head, *body, *chunks):
            while connection.recv(4096):
                pass
            # Ten seconds each, whatever came meanwhile; the rest is for a busy machine.
            assert 9 < time.monotonic() - began < 19
        received = b"".join(iter(lambda: _read(deaf[0]), b""))
        assert 0 < received.count(b"HTTP/1.1 200") < 100
        # Who is idle between two requests has no such limit: the platform keeps its connections for long.
        sock = idle.sock
        assert post(idle) == (200, "muted")
        assert idle.sock is sock


@contextmanager
def nuisances(server: Server, number: int, content: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        connections = []
        host, _, port = server.address.partition(":")
        for _ in range(number):
            connection = stack.enter_context(socket.socket())
            # Little room for answers that nobody reads.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(TIMEOUT_S)
            connection.connect((host, int(port)))
            with suppress(OSError):
                connection.sendall(content)
            connections.append(connection)
        # Time to be noticed.
        time.sleep(0.5)
        yield connections


@contextmanager
def dripping(connections: Iterable[socket.socket]) -> Iterator[None]:
    stopped = threading.Event()

    def drip() -> None:
        while not stopped.wait(0.3):
            for connection in connections:
                with suppress(OSError):
                    connection.send(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _read(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(("option", "value"), [("--port", "65536"), ("--concurrency", "0"), ("--concurrency", "x")])
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


@pytest.mark.parametrize("redirection", [">&-", "| true"])
def test_without_a_reader_of_its_log_it_serves(redirection: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    line = shlex.join([sys.executable, "-m", "shared.server", CUSTOM_HANDLER, "--port", address.rpartition(":")[2]])

    def status() -> int:
        with suppress(OSError), closing(http.client.HTTPConnection(address, timeout=TIMEOUT_S)) as connection:
            connection.request("PUT", "/")
            return connection.getresponse().status
        return 0

    with subprocess.Popen(["/bin/sh", "-c", f"{line} {redirection}"], cwd=ROOT, start_new_session=True) as process:  # noqa: S603 - our own module
        try:
            until(lambda: status() == 405)
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("functions.nobody:FUNCTION", "ModuleNotFoundError: No module named 'functions.nobody'"),
        ("functions.mute_call.index:handler", "ValueError: of type function, not a Function"),
        ("functions.mute_call.index:nothing", "AttributeError: module"),
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


def test_a_header_with_an_underscore_is_not_the_one_with_a_hyphen(simulator: Simulator, tmp_path: Path) -> None:
    callers = tmp_path / "callers.toml"
    callers.write_text(
        '[callers.default]\ninstances = ["ccc-test"]\n'
        f'auth = {{ scheme = "api-key", key = "header.api_access_token", secrets = ["env:{TOKEN_VARIABLE}"] }}\n'
    )
    with running(simulator.endpoint, CALLERS_FILE=str(callers)) as server:
        assert server.ask({"API_Access_Token": DEMO_TOKEN}) == (200, "muted")
        assert server.ask({"API-Access-Token": DEMO_TOKEN})[0] == 401


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
