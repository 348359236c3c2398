"""``python -m local.gateway`` as a process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.gateway.__main__ import main
from tests.integration.wire import send

SAMPLES = "tests.integration.local.gateway.sample_functions"
TIMEOUT = 60


@contextmanager
def gateway(*arguments: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "local.gateway", *arguments]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Buffered, as a pipe is by default.
        env={**os.environ, "PYTHONUNBUFFERED": "", **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ready(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:")
    return line.split()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_passes_the_log_through_and_stops_on_a_signal(number: signal.Signals) -> None:
    with gateway(f"{SAMPLES}:run_as_told", "--port", "0") as process:
        url = ready(process)
        reply = send(url, "log")
        assert process.stdout
        # Before the end of the process: the log does not wait in a buffer.
        assert process.stdout.readline() == f'{{"request_id":"{reply.headers["X-Fc-Request-Id"]}"}}\n'
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output, errors) == (0, "", "")


def test_it_stops_while_the_function_hangs() -> None:
    with gateway(f"{SAMPLES}:wait", "--port", "0") as process:
        assert send(ready(process), headers={"X-Fc-Invocation-Type": "Async"}).status == 202
        process.terminate()
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output, errors) == (0, "", "")


def test_its_options_reach_the_function() -> None:
    line = f"{SAMPLES}:describe --port 0 --runtime python3.10 --timeout 7 --access-key-id STS.option"
    variables = {"GATEWAY_ACCESS_KEY_ID": "STS.variable", "GATEWAY_SECURITY_TOKEN": "token-variable"}
    with gateway(*line.split(), **variables) as process:
        described = send(ready(process)).json
    assert described["credentials"] == {
        "access_key_id": "STS.option",
        "access_key_secret": "local-secret",
        "security_token": "token-variable",
    }
    assert (type(described["timeout"]), described["timeout"]) == (int, 7)


def test_a_function_not_found_is_one_line_and_exit_code_2() -> None:
    with gateway(f"{SAMPLES}:handlr", "--port", "0") as process:
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (2, "")
    assert "has no 'handlr'" in errors
    assert errors.count("\n") == 1


def test_a_taken_port_is_one_line_and_exit_code_1() -> None:
    with gateway(f"{SAMPLES}:count", "--port", "0") as first:
        port = ready(first).rpartition(":")[2]
        with gateway(f"{SAMPLES}:count", "--port", port) as second:
            output, errors = second.communicate(timeout=TIMEOUT)
    assert (second.returncode, output, errors.count("\n")) == (1, "", 1)
    assert errors.startswith(f"cannot listen on port {port}: ")


@pytest.mark.parametrize("options", [("--port", "65536"), ("--timeout", "0"), ("--timeout", "x"), ("--runtime", "a")])
def test_an_option_that_cannot_be_is_a_usage_error(
    options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main([f"{SAMPLES}:count", *options])
    assert raised.value.code == 2
    assert options[1] in capsys.readouterr().err or options[1] == "0"


def test_it_can_be_stopped_before_it_is_ready(tmp_path: Path) -> None:
    # Many short waits: CPython sees a signal that comes just before a wait only when the wait ends.
    source = "import time\nprint('importing', flush=True)\nfor _ in range(6000):\n    time.sleep(0.01)\n"
    (tmp_path / "imports_forever.py").write_text(source)
    with gateway("imports_forever:handler", PYTHONPATH=os.fspath(tmp_path)) as process:
        assert process.stdout
        assert process.stdout.readline() == "importing\n"
        process.terminate()
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output, errors) == (0, "", "")
