"""`local.smoke` against the running function, and against what else may stand at its URL."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.demo.stack import DEMO_TOKEN, TOKEN_VARIABLE, UNMUTE_HANDLER, stack
from local.gateway import Gateway
from local.simulator import Simulator
from local.smoke.__main__ import main as smoke

ROOT = Path(__file__).parent.parent.parent
NAMES = ["healthz", "openapi.json", "without a credential", "a call that does not exist"]
CALLERS = """
[callers.default]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
[callers.signed]
auth = { scheme = "standard-webhooks", secrets = ["env:SMOKE_SECRET"] }
instances = ["ccc-test"]
[callers.flow]
auth = { scheme = "api-key", secrets = ["env:SMOKE_SECRET"], key = "query.key" }
instances = ["*"]
response = "always-200"
[callers.anybody]
auth = { scheme = "none", allow_anonymous = true }
instances = ["ccc-test"]
[callers.mapped]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
idempotency_key = "body.id"
event_time = 'body.sent."at"'
max_age_seconds = 60
parameters = { job_id = "body.ticket.call", user_id = "join('@', [body.ticket.agent, 'ccc-test'])" }
defaults = { device_id = "d", instance_id = "ccc-test" }
[callers.pieces]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
parameters = { job_id = "join('-', ['job', body.call])", user_id = "body.agent" }
defaults = { device_id = "d", instance_id = "ccc-test" }
[callers.fixed]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
parameters = { user_id = "body.agent" }
defaults = { device_id = "d", instance_id = "ccc-test", job_id = "job-1" }
[callers.getter]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }
instances = ["ccc-test"]
methods = ["GET"]
[callers.ivr]
auth = { scheme = "ram" }
instances = ["ccc-test"]
"""
SECRET = "whsec_Y2FuYXJ5IG9mIGF0IGxlYXN0IDI0IGJ5dGVz"


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(CALLERS, encoding="utf-8")
    return path


@pytest.fixture
def running(callers: Path) -> Iterator[tuple[Gateway, Simulator]]:
    variables = {"CALLERS_FILE": str(callers), TOKEN_VARIABLE: DEMO_TOKEN, "SMOKE_SECRET": SECRET}
    with stack(variables=variables) as started:
        yield started


Told = tuple[int, dict[str, str]]


def told(capsys: pytest.CaptureFixture[str], url: str, *arguments: str) -> Told:
    """The exit code, and what is said of each check; an empty text for `ok`."""
    capsys.readouterr()
    code = smoke(["--url", url, *arguments])
    found: dict[str, str] = {}
    # The function's own log lines are there as well, since it runs in this process.
    for line in capsys.readouterr().out.splitlines():
        if line.startswith(("ok      ", "FAILED  ")):
            name, _, reason = line[8:].partition(": ")
            found[name] = reason
        elif line.startswith("        "):
            found[list(found)[-1]] += f" | {line.strip()}"
    return code, found


WELL = dict.fromkeys(NAMES, "")


@pytest.mark.parametrize(
    ("caller", "prefix"), [("default", ""), ("default", "/"), ("default", "/mute"), ("signed", "/mute"), ("mapped", "")]
)
def test_all_is_well_and_nobody_is_muted(
    running: tuple[Gateway, Simulator], callers: Path, capsys: pytest.CaptureFixture[str], caller: str, prefix: str
) -> None:
    gateway, simulator = running
    found = told(capsys, f"{gateway.url}{prefix}", "--caller", caller, "--callers", str(callers))
    # At a domain's path the caller `default` has to be named, which the tool does by itself.
    assert found == (0, WELL)
    asked = [request["parameters"]["JobId"] for request in simulator.requests]
    assert len(asked) == 1
    assert asked[0].startswith("smoke-test-")


OURS, ANOTHER = "0" * 12, "1" * 12
OTHER_BUILD = f"build {ANOTHER} answers, expected: {OURS}"


@pytest.mark.parametrize(
    ("answers", "in_dist", "arguments", "reason"),
    [
        (OURS, OURS, (), ""),
        (ANOTHER, OURS, (), OTHER_BUILD),
        (ANOTHER, None, (), ""),
        # Sources that were never packaged, as in a trial on this machine.
        (None, OURS, (), ""),
        (None, None, ("--build", OURS), "a package without a build answers"),
        (ANOTHER, None, ("--build", OURS), OTHER_BUILD),
        (OURS, ANOTHER, ("--build", OURS), ""),
        (ANOTHER, OURS, ("--build", "any"), ""),
    ],
)
def test_the_build_that_answers_is_the_one_in_dist(
    callers: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answers: str | None,
    in_dist: str | None,
    arguments: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.setattr("local.smoke.__main__.built", lambda *_: in_dist)
    monkeypatch.setenv(TOKEN_VARIABLE, DEMO_TOKEN)
    monkeypatch.setenv("SMOKE_SECRET", SECRET)
    with another(200, json.dumps({"status": "ok", "build": answers})) as url:
        _, found = told(capsys, url, "--callers", str(callers), *arguments)
    assert found["healthz"].partition(" | ")[0].startswith(reason)
    assert bool(found["healthz"]) is bool(reason)


def test_a_function_from_before_there_were_builds_is_another_one(
    callers: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.smoke.__main__.built", lambda *_: OURS)
    monkeypatch.setenv(TOKEN_VARIABLE, DEMO_TOKEN)
    with another(200, '{"status": "ok", "version": "0.1.0"}') as url:
        _, found = told(capsys, url, "--callers", str(callers))
    assert found["healthz"].startswith("a package without a build answers")


def test_a_made_up_call_is_another_one_each_time(
    running: tuple[Gateway, Simulator], callers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway, simulator = running
    for _ in range(2):
        told(capsys, gateway.url, "--callers", str(callers))
    assert len({request["parameters"]["JobId"] for request in simulator.requests}) == 2


def test_an_instance_that_ccc_does_not_know_is_well_too(
    running: tuple[Gateway, Simulator], callers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--caller", "flow", "--callers", str(callers), "--instance", "ccc-unknown")
    assert told(capsys, running[0].url, *arguments) == (0, WELL)


def test_the_counterpart_is_asked_likewise(callers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        stack(variables={"CALLERS_FILE": str(callers), TOKEN_VARIABLE: DEMO_TOKEN, "SMOKE_SECRET": SECRET}),
        Gateway(UNMUTE_HANDLER, port=0) as gateway,
    ):
        assert told(capsys, gateway.url, "--callers", str(callers)) == (0, WELL)


Spoil = Callable[[Simulator, pytest.MonkeyPatch], None]


def wrong_secret(_: Simulator, shell: pytest.MonkeyPatch) -> None:
    # The function has the environment of the shell here: what it knows is changed behind the sender's back.
    shell.setattr("local.smoke.__main__.first_secret", lambda *_: "another-token")


def role_refused(simulator: Simulator, _: pytest.MonkeyPatch) -> None:
    simulator.faults.add({"kind": "error", "http_status": 403, "code": "NoPermission"})


def throttled(simulator: Simulator, _: pytest.MonkeyPatch) -> None:
    simulator.faults.add({"kind": "error", "http_status": 429, "code": "Throttling.User", "times": 2})


def no_credentials(_: Simulator, shell: pytest.MonkeyPatch) -> None:
    shell.setenv("DEADLINE_MS", "none")


SPOILED: dict[str, tuple[Spoil, dict[str, str]]] = {
    "secret": (wrong_secret, {NAMES[3]: "HTTP 401, unauthorized"}),
    "role": (role_refused, {NAMES[3]: "HTTP 502, upstream_denied"}),
    "limit": (throttled, {NAMES[3]: "HTTP 429, throttled"}),
    "variables": (
        no_credentials,
        {
            NAMES[0]: "no caller can be served",
            NAMES[2]: "HTTP 500, configuration_error",
            NAMES[3]: "HTTP 500, configuration_error",
        },
    ),
}
REMEDIES = {"secret": "the deployed secret", "role": "step 2", "limit": "runbook", "variables": "s mute_call logs"}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_wrong_is_told_with_its_remedy(
    running: tuple[Gateway, Simulator],
    callers: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    spoil, expected = SPOILED[name]
    spoil(running[1], monkeypatch)
    code, found = told(capsys, running[0].url, "--callers", str(callers))
    assert code == 1
    assert {check for check, said in found.items() if said} == expected.keys()
    for check, reason in expected.items():
        assert found[check].startswith(reason)
        assert REMEDIES[name] in found[check]


def test_a_remedy_names_the_function_that_was_asked(
    running: tuple[Gateway, Simulator],
    callers: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_credentials(running[1], monkeypatch)
    _, found = told(capsys, running[0].url, "--function", "unmute_call", "--callers", str(callers))
    assert "`s unmute_call logs --tail`" in found[NAMES[3]]
    _, found = told(capsys, "http://127.0.0.1:1", "--function", "unmute_call", "--callers", str(callers))
    assert "`s unmute_call info`" in found[NAMES[0]]


def test_a_caller_that_lets_everybody_in_is_told(
    running: tuple[Gateway, Simulator], callers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = told(capsys, running[0].url, "--caller", "anybody", "--callers", str(callers))
    assert (code, [check for check, said in found.items() if said]) == (1, [NAMES[2]])
    assert found[NAMES[2]].startswith("the request was accepted | ")


@contextmanager
def another(status: int, body: str, **headers: str) -> Iterator[str]:
    """Something else at the URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


SHOWN = '{"status": "muted", "code": "\\u001b[31m", "openapi": "3.1.0"}'


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (200, "{}", {"X_Fc_Error_Type": "InitializationError"}, "the platform failed"),
        (502, '{"errorMessage": "x"}', {"X_Fc_Error_Type": "UnhandledInvocationError"}, "the platform failed"),
        (404, "<html>demo-token</html>", {}, "is this the URL"),
        (200, "[" * 100_000, {}, "is this the URL"),
        (302, "", {"Location": "http://127.0.0.1:9/"}, "is this the URL"),
        (401, '{"code": "unauthorized"}', {"Content_Type": "text/html"}, "tell the senders"),
        (200, SHOWN, {"Content_Type": "application/json"}, "CCC_ENDPOINT"),
    ],
)
def test_what_is_not_the_function_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    body: str,
    headers: dict[str, str],
    expected: str,
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, DEMO_TOKEN)
    with another(status, body, **headers) as url:
        code, found = told(capsys, url)
    assert code == 1
    assert any(expected in said for said in found.values()), found
    assert "demo-token" not in json.dumps(found)
    assert "\x1b" not in "".join(found.values())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--url", "http://function.example/"], "the secret would be sent unencrypted: use https"),
        (["--url", "function.example"], "the URL should be http(s)://"),
        (["--url", "https://f.example", "--caller", "nobody"], "has no caller nobody; it has default, signed"),
        (["--url", "https://f.example", "--caller", "ivr"], "ivr is for direct invocation"),
        (["--url", "https://f.example", "--caller", "pieces"], "for the expressions of pieces"),
        (["--url", "https://f.example", "--caller", "fixed"], "fixed has the call in its defaults"),
        (["--url", "https://f.example", "--caller", "getter"], "getter takes no POST"),
        (["--url", "https://f.example", "--caller", "flow"], "flow may use every instance; choose one: --instance"),
        (["--url", "https://f.example", "--callers", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_a_command_that_cannot_be_carried_out_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    callers: Path,
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, DEMO_TOKEN)
    monkeypatch.setenv("SMOKE_SECRET", SECRET)
    with pytest.raises(SystemExit) as ended:
        smoke(["--callers", str(callers), *arguments])
    said = capsys.readouterr()
    assert (ended.value.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert complaint in said.err


def test_the_command_as_a_process_without_an_answer() -> None:
    environ = os.environ | {TOKEN_VARIABLE: DEMO_TOKEN}
    done = subprocess.run(
        [sys.executable, "-m", "local.smoke", "--url", "http://127.0.0.1:9"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("FAILED  ") == len(NAMES)
    assert "no answer (ConnectionRefusedError)" in done.stdout
    assert DEMO_TOKEN not in done.stdout
