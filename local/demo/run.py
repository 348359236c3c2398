"""`make run`: gateway, simulator and console at their usual ports, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, cast

from local.console import PREFIX, Console, LogLines
from local.demo.senders import SENDERS
from local.demo.stack import TOKEN_VARIABLE, stack
from local.gateway import Gateway
from local.gateway.gateway import Wrap
from local.simulator import Simulator

PAYLOAD = Path(__file__).parents[2] / "events" / "direct.json"
_PORTS = range(65_536)
_STOPPED_BY = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code; prints a command that mutes the simulated call."""
    parser = argparse.ArgumentParser(prog="python -m local.run", description=__doc__)
    parser.add_argument("--gateway-port", type=_port, default=9000, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--simulator-port", type=_port, default=9001, help="likewise (default: %(default)s)")
    ports = parser.parse_args(arguments)
    # Blocked before any thread starts, and so in all of them: the signal waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPED_BY)
    try:
        _serve(ports.gateway_port, ports.simulator_port)
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stderr.write(f"cannot listen on {ports.gateway_port} and {ports.simulator_port}: {error.strerror}\n")
        return 1
    return 0


def _serve(gateway_port: int, simulator_port: int) -> None:
    # The demo's made-up secrets, so that its callers file works here, too.
    secrets = {sender.variable: os.environ.get(sender.variable) or sender.secret for sender in SENDERS}
    lines = LogLines(sys.stdout)

    def wrap(gateway: Gateway, simulator: Simulator) -> Wrap:
        return Console(gateway, simulator, lines).wrap

    with (
        contextlib.redirect_stdout(cast("TextIO", lines)),
        stack(gateway_port, simulator_port, secrets, wrap) as (gateway, simulator),
    ):
        sys.stdout.write(_welcome(gateway.url, simulator.url, secrets[TOKEN_VARIABLE]))
        sys.stdout.flush()
        signal.sigwait(_STOPPED_BY)


def _port(text: str) -> int:
    port = int(text)
    if port not in _PORTS:
        raise ValueError
    return port


def _welcome(gateway: str, simulator: str, token: str) -> str:
    payload = json.dumps(json.loads(PAYLOAD.read_text(encoding="utf-8")))
    headers = (f"Authorization: Bearer {token}", "Content-Type: application/json")
    curl = shlex.join(["curl", "-sS", f"{gateway}/", *(part for header in headers for part in ("-H", header))])
    return (
        f"gateway    {gateway}\nsimulator  {simulator}/_simulator/state\nconsole    {gateway}{PREFIX}\n\n"
        f"Mute the simulated call:\n\n{curl} -d {shlex.quote(payload)}\n\nCtrl-C stops both.\n"
    )
