"""The commands of a newcomer, as processes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from urllib.request import urlopen

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


OF_A_DEPLOYMENT = {
    "MUTE_CALL_TOKEN": "of a deployment",
    "CALLERS_FILE": "/nowhere",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "DEADLINE_MS": "1",
    "LOG_LEVEL": "ERROR",
    "CCC_REGION": "x_y",
}


def test_the_demo_mutes_the_call_whatever_the_shell_has() -> None:
    done = python("local.demo", **OF_A_DEPLOYMENT)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) <= 40
    steps = [line.split() for line in done.stdout.splitlines() if line.startswith("POST")]
    assert [(step[1], step[2], step[5], step[-1]) for step in steps] == [
        ("/mute/default", "bearer", "muted", "MUTED"),
        ("/mute/jiandaoyun", "jiandaoyun", "muted", "MUTED"),
        ("/mute/flow", "api-key", "muted", "MUTED"),
        ("/unmute/supervisor", "bearer", "unmuted", "flags"),
    ]


def test_the_demo_shows_log_lines_where_it_is_asked_to() -> None:
    printed = python("local.demo", "-v").stdout
    logged = [json.loads(line[8:]) for line in printed.splitlines() if line.startswith("log ")]
    assert [line["action"] for line in logged] == ["MuteCall"] * 3 + ["UnmuteCall"]


def test_the_demo_fails_where_the_simulator_expects_another_token() -> None:
    done = python("local.demo", SIMULATOR_SECURITY_TOKEN="other")
    assert done.returncode == 1
    assert "upstream_denied" in done.stdout


RUN = ("local.run", "--gateway-port", "0", "--simulator-port", "0")


def printed_by(process: subprocess.Popen[str]) -> str:
    """Return what `make run` prints before it waits, or all if it ends."""
    assert process.stdout is not None
    return "".join(takewhile(lambda line: line != "Ctrl-C stops all.\n", process.stdout))


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: apt install curl")
@pytest.mark.parametrize("callers", [pytest.param("", marks=pytest.mark.slow), "local/callers.toml"])
def test_every_command_that_run_prints_reaches_its_function(callers: str) -> None:
    with serving(*RUN, CALLERS_FILE=callers) as process:
        printed = printed_by(process)
        muted, unmuted = (
            re.findall("^.*demo-.* .*$|^curl.*$", part, re.MULTILINE) for part in printed.split("\nunmute_call,")
        )
        for line, status in [(line, "muted") for line in muted] + [(line, "unmuted") for line in unmuted]:
            command = line.replace("python", shlex.quote(sys.executable))
            done = subprocess.run(  # noqa: S603 - what was printed
                ["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
            )
            assert json.loads(done.stdout.splitlines()[-1])["status"] == status
        assert len(muted) == len(unmuted) == (4 if callers else 2)
        console = next(line.split()[1] for line in printed.splitlines() if line.startswith("console"))
        with urlopen(f"{console}/state") as answer:  # noqa: S310 - of this machine
            deliveries = json.load(answer)["deliveries"]
        assert [each["code"] for each in deliveries] == ["unmuted"] * len(unmuted) + ["muted"] * len(muted)


def test_run_shows_no_secret_of_the_shell() -> None:
    with serving(*RUN, MUTE_CALL_TOKEN="my-own") as process:
        printed = printed_by(process)
    assert "my-own" not in printed
    assert "python -m local.send" in printed
    assert " --callers functions/mute_call/callers.toml\n" in printed


def test_run_prints_no_command_that_its_caller_would_be_refused(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    auth = 'auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }'
    path.write_text(
        f'[callers.mine]\n{auth}\ninstances = ["ccc-mine"]\n'
        f'[callers.strange]\n{auth}\ninstances = ["ccc-test"]\n'
        'parameters = { job_id = "body.nowhere", user_id = "body.nowhere" }\n'
        'defaults = { device_id = "d", instance_id = "ccc-test" }\n',
        encoding="utf-8",
    )
    with serving(*RUN, CALLERS_FILE=str(path)) as process:
        printed = printed_by(process)
    assert re.findall("^# (.*): no sample .* local.send$", printed, re.MULTILINE) == ["mine", "strange"] * 2
    assert not re.findall("^curl|^python|^MUTE", printed, re.MULTILINE)


def test_run_tells_of_a_handshake_without_its_secret(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    path.write_text(
        '[callers.a]\nauth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }\ninstances = ["ccc-test"]\n'
        '[[callers.a.handshakes]]\nwhen = "body"\nauth = { scheme = "bearer", secrets = ["env:NOBODY_HAS_SET_IT"] }\n',
        encoding="utf-8",
    )
    with serving(*RUN, CALLERS_FILE=str(path)) as process:
        printed = printed_by(process)
    assert re.findall("^# a, .*NOBODY_HAS_SET_IT is unset$", printed, re.MULTILINE)


def test_run_tells_what_is_wrong_with_the_callers_file(tmp_path: Path) -> None:
    path = tmp_path / "callers.toml"
    path.write_text("[callers.a]\ninstanes = []\n", encoding="utf-8")
    done = python(*RUN, CALLERS_FILE=str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "callers.a.instanes" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_refuses_what_is_no_port() -> None:
    done = python("local.run", "--gateway-port=65536")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("python -m local.run: argument --gateway-port")


def test_run_says_when_a_port_is_taken() -> None:
    with serving("local.simulator", "--port", "0") as process:
        done = python("local.run", "--gateway-port", "0", "--simulator-port", url_of(process).rpartition(":")[2])
    assert done.returncode == 1
    assert "--gateway-port 0 --simulator-port 0" in done.stderr
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
CHILDREN = {"local.uv", *(f"local.bench.{name}" for name in ("cold", "process", "upstream"))}


def test_every_command_ends_in_the_same_way() -> None:
    marks = ('if __name__ == "__main__":\n', "\n    run(")
    texts = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in (ROOT / "local").rglob("*.py")}
    entries, ends = (
        {".".join(path.with_suffix("").parts).removesuffix(".__main__") for path, text in texts.items() if mark in text}
        for mark in marks
    )
    assert ends == entries - CHILDREN


@pytest.mark.parametrize(
    ("command", "closed"), [*((command, "pipe") for command in UNREAD), ("local.demo", "descriptor")]
)
def test_a_command_whose_output_nobody_reads_ends_without_a_word(command: str, closed: str) -> None:
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
