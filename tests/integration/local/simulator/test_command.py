"""`python -m local.simulator` as an operator runs it."""

import http.client
import json
import re
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from local.simulator.__main__ import main
from local.simulator.request import Request
from tests.integration.local.simulator.processes import python, run
from tests.unit.local.simulator.signing import signed

COMMAND = ("-m", "local.simulator")


def serve(
    flags: Sequence[str],
    requests: Sequence[Request],
    environ: Mapping[str, str] | None = None,
    number: int = signal.SIGTERM,
) -> tuple[list[int], dict[str, Any], int, str, str]:
    """Start, send the requests, read the state, stop; return statuses, state, exit code and what else was printed."""
    with python(*COMMAND, *flags, **(environ or {})) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = re.fullmatch(r"listening on http://(127\.0\.0\.1:\d+)\n", line)
        assert ready, line
        connection = http.client.HTTPConnection(ready[1], timeout=60)
        statuses = []
        for request in requests:
            connection.request(request.method, request.target, headers=dict(request.headers))
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.request("GET", "/_simulator/state")
        state = json.loads(connection.getresponse().read())
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        connection.close()
        return statuses, state, process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_serves_and_stops(number: int) -> None:
    statuses, state, code, out, err = serve(["--port", "0"], [signed()], number=number)

    # The clock is the real one, and the request's is not.
    assert statuses == [400]
    assert state["requests_total"] == 1
    assert (code, out, err) == (0, "", "")


@pytest.mark.parametrize("by_flag", [True, False])
def test_each_setting_is_a_flag_and_a_variable(by_flag: bool) -> None:  # noqa: FBT001 - a table's column
    settings = {
        "access-key-id": "LTAI",
        "access-key-secret": "s",
        "security-token": "",
        "business-errors": "http-200",
        "repeated-mute": "error",
    }
    variables = {f"SIMULATOR_{name.upper().replace('-', '_')}": value for name, value in settings.items()}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    known = signed(access_key_id="LTAI", secret="s", leave_out=("x-acs-security-token",))

    statuses, state, code, _, err = (
        serve(["--port=0", *flags], [signed(), known])
        if by_flag
        else serve([], [signed(), known], {"SIMULATOR_PORT": "0", **variables})
    )

    assert statuses == [404, 400]
    assert state["options"] == {"business_errors": "http-200", "repeated_mute": "error"}
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("flags", "environ", "text"),
    [
        (["--port", "x"], {}, "port: must be a number from 0 to 65535"),
        (["--port", "65536"], {}, "port: must be a number from 0 to 65535"),
        (["--business-errors", "maybe"], {}, "business_errors: must be one of http-status, http-200"),
        ([], {"SIMULATOR_REPEATED_MUTE": "no"}, "repeated_mute: must be one of ok, error"),
        (["--access-key-i", "x"], {}, "unrecognized arguments: --access-key-i x"),
    ],
)
def test_a_wrong_setting_is_named(
    flags: list[str], environ: dict[str, str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(flags, environ)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.splitlines()[-1] == f"python -m local.simulator: error: {text}"


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run(*COMMAND, "--port", str(port))

    assert (code, out, err) == (1, "", f"cannot listen on port {port}: Address already in use\n")


def test_help_names_the_variables() -> None:
    code, out, _ = run(*COMMAND, "--help", COLUMNS="200")

    assert code == 0
    for name in ("PORT", "ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN", "REPEATED_MUTE"):
        assert f"[SIMULATOR_{name}]" in out
