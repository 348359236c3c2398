"""`make run`: function, counterpart, simulator and console at their usual ports, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, cast

from local.cli.callers_file import read_callers
from local.cli.command_line import FUNCTIONS, Parser, UsageError, callers_file
from local.console import PREFIX, Console, LogLines
from local.demo.commands import commands
from local.demo.senders import SECRETS
from local.demo.stack import MUTE_PATH, UNMUTE_PATH, environment, stack
from local.gateway import Gateway
from local.gateway.gateway import Wrap
from local.simulator import Simulator

_PORTS = range(65_536)
_STOPPED_BY = (signal.SIGINT, signal.SIGTERM)
_PATHS = dict(zip(FUNCTIONS, (MUTE_PATH, UNMUTE_PATH), strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code; prints a command for each caller."""
    parser = Parser(prog="python -m local.run", description=__doc__)
    parser.add_argument("--gateway-port", type=_port, default=9000, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--simulator-port", type=_port, default=9001, help="0 picks a free one (default: %(default)s)")
    ports = parser.parse_args(arguments)
    try:
        for function in FUNCTIONS:
            read_callers(_callers_file(function))
    except UsageError as error:
        parser.error(str(error))
    # Blocked before any thread starts, and so in all of them: the signal waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPED_BY)
    try:
        _serve(ports.gateway_port, ports.simulator_port)
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stderr.write(
            f"cannot listen on {ports.gateway_port} and {ports.simulator_port}: {error.strerror}\n"
            f"End what listens there, or let free ports be picked: {parser.prog} --gateway-port 0 --simulator-port 0\n"
        )
        return 1
    return 0


def _serve(gateway_port: int, simulator_port: int) -> None:
    # The demo's made-up secrets, so that its callers file works here, too.
    made_up = {variable: secret for variable, secret in SECRETS.items() if not os.environ.get(variable)}
    lines = LogLines(sys.stdout)

    def wrap(gateway: Gateway, simulator: Simulator) -> Wrap:
        return Console(gateway, simulator, lines).wrap

    with (
        contextlib.redirect_stdout(cast("TextIO", lines)),
        environment(made_up),
        stack(gateway_port, simulator_port, wrap=wrap) as (gateway, simulator),
    ):
        sys.stdout.write(_welcome(gateway.url, simulator.url, made_up))
        sys.stdout.flush()
        signal.sigwait(_STOPPED_BY)


def _port(text: str) -> int:
    port = int(text)
    if port not in _PORTS:
        raise ValueError
    return port


def _callers_file(function: str) -> Path:
    return Path(os.environ.get("CALLERS_FILE") or callers_file(function))


def _welcome(gateway: str, simulator: str, made_up: dict[str, str]) -> str:
    text = f"gateway    {gateway}\nsimulator  {simulator}/_simulator/state\nconsole    {gateway}{PREFIX}\n"
    for function, path in _PATHS.items():
        lines = commands(function, _callers_file(function), f"{gateway}/{path}/", made_up)
        text += "\n\n".join((f"\n{function}, at {gateway}/{path}/CALLER:", *lines)) + "\n"
    return f"{text}\nCtrl-C stops all.\n"
