"""`make run`: gateway and simulator at their usual ports, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from local.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack

PAYLOAD = Path(__file__).parent.parent / "events" / "direct.json"
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
        token = os.environ.get(TOKEN_VARIABLE) or DEMO_TOKEN
        with stack(ports.gateway_port, ports.simulator_port, {TOKEN_VARIABLE: token}) as (gateway, simulator):
            sys.stdout.write(_welcome(gateway.url, simulator.url, token))
            sys.stdout.flush()
            signal.sigwait(_STOPPED_BY)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {ports.gateway_port} and {ports.simulator_port}: {error.strerror}\n")
        return 1
    return 0


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
        f"gateway    {gateway}\nsimulator  {simulator}/_simulator/state\n\n"
        f"Mute the simulated call:\n\n{curl} -d {shlex.quote(payload)}\n\nCtrl-C stops both.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
