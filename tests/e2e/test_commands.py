"""The commands of a newcomer, as processes."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.posting import post
from tests.e2e.test_webhook import event

ROOT = Path(__file__).parent.parent.parent
TIMEOUT_S = 60


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", *arguments]
    shell = os.environ | environment
    with subprocess.Popen(command, cwd=ROOT, env=shell, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - as above
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:")
    return line.split()[-1]


@pytest.mark.parametrize(
    "shell",
    [
        {},
        {"MUTE_CALL_TOKEN": "of a deployment", "CALLERS_FILE": "/nowhere", "HTTP_PROXY": "http://127.0.0.1:9"},
        {"DEADLINE_MS": "1", "LOG_LEVEL": "ERROR", "CCC_REGION": "x_y"},
    ],
)
def test_the_demo_mutes_the_call(shell: dict[str, str]) -> None:
    done = python("local.demo", **shell)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"status": "muted"') == 3
    assert done.stdout.count('"status": "unmuted"') == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("POST")] == [
        "POST /  (bearer)",
        "POST /crm  (standard-webhooks)",
        "POST /flow  (api-key)",
        "POST /  (bearer)",
    ]
    assert [line for line in done.stdout.splitlines() if line.startswith("the agent's channel at CCC")] == [
        "the agent's channel at CCC: MUTED",
        "the agent's channel at CCC: no flags",
    ]
    assert '"JobId": "job-65815360847228928"' in done.stdout
    assert done.stderr == ""


def test_the_demo_fails_where_the_simulator_expects_another_token() -> None:
    done = python("local.demo", SIMULATOR_SECURITY_TOKEN="other")
    assert done.returncode == 1
    assert '"code": "upstream_denied"' in done.stdout


def test_the_command_that_run_prints_mutes_the_call() -> None:
    with serving("local.run", "--gateway-port", "0", "--simulator-port", "0", MUTE_CALL_TOKEN="my-own") as process:
        assert process.stdout is not None
        printed = "".join(iter(process.stdout.readline, "Ctrl-C stops both.\n"))
        words = shlex.split(next(line for line in printed.splitlines() if line.startswith("curl")))
        url = urlsplit(words[2])
        assert f"console    http://{url.netloc}/_console\n" in printed
        headers = dict(words[place + 1].split(": ") for place, word in enumerate(words) if word == "-H")
        connection = http.client.HTTPConnection(url.netloc, timeout=TIMEOUT_S)
        connection.request("POST", url.path, words[words.index("-d") + 1], headers)
        assert json.load(connection.getresponse())["status"] == "muted"
        connection.request("GET", "/_console/state")
        (delivery,) = json.load(connection.getresponse())["deliveries"]
        assert (delivery["caller"], delivery["code"]) == ("default", "muted")
        connection.close()


@pytest.mark.parametrize("port", ["65536", "-1", "x"])
def test_run_refuses_what_is_no_port(port: str) -> None:
    done = python("local.run", f"--gateway-port={port}")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("python -m local.run: error: argument --gateway-port")


def test_run_says_when_a_port_is_taken() -> None:
    with serving("local.simulator", "--port", "0") as process:
        done = python("local.run", "--gateway-port", "0", "--simulator-port", url_of(process).rpartition(":")[2])
    assert done.returncode == 1
    assert done.stderr.startswith("cannot listen")
    assert "Traceback" not in done.stderr


def test_gateway_and_simulator_serve_as_processes_of_their_own() -> None:
    with serving("local.simulator", "--port", "0") as simulator:
        endpoint = url_of(simulator).removeprefix("http://")
        variables = {"CCC_ENDPOINT": f"http://{endpoint}", "MUTE_CALL_TOKEN": "demo-token"}
        with serving("local.gateway", "functions.mute_call.index:handler", "--port", "0", **variables) as gateway:
            answer = post(url_of(gateway), event("http"))
    assert json.loads(answer.body)["status"] == "muted"


# One that prints and ends, one that fails, and one that serves; all of them end in the same way.
UNREAD = {
    "local.demo": (),
    "local.smoke": ("--url", "http://127.0.0.1:1"),
    "local.simulator": ("--port", "0"),
}
# What commands and make start themselves.
CHILDREN = {"local.uv", *(f"local.bench.{name}" for name in ("process", "upstream"))}


def test_every_command_ends_in_the_same_way() -> None:
    marks = ('if __name__ == "__main__":\n', "\n    run(")
    texts = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in (ROOT / "local").rglob("*.py")}
    entries, ends = (
        {".".join(path.with_suffix("").parts).removesuffix(".__main__") for path, text in texts.items() if mark in text}
        for mark in marks
    )
    assert ends == entries - CHILDREN


@pytest.mark.parametrize("command", UNREAD)
@pytest.mark.parametrize("closed", ["pipe", "descriptor"])
def test_a_command_whose_output_nobody_reads_ends_without_a_word(command: str, closed: str) -> None:
    if (closed, command) == ("descriptor", "local.simulator"):
        pytest.skip("serves on")
    reader, writer = os.pipe()
    os.close(reader)
    line = shlex.join([sys.executable, "-m", command, *UNREAD[command]])
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(  # noqa: S603 - our own modules
            ["/bin/sh", "-c", f"exec {line}" if closed == "pipe" else f"exec {line} >&-"],
            cwd=ROOT,
            env=os.environ | {"MUTE_CALL_TOKEN": "demo-token", "PYTHONUNBUFFERED": ""},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.stderr == ""
    # As after SIGPIPE; a descriptor that is closed is somebody's wish.
    assert (done.returncode == 141) is (closed == "pipe")
