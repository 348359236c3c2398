"""`make demo`: three callers mute a call, each with a different authentication scheme, and a fourth unmutes it."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence

from local.cli.command_line import run
from local.demo.senders import CALLERS, SECRETS, SENDERS, Sender
from local.demo.stack import stack
from local.gateway import Gateway
from local.send.wire import Answer, Outgoing, exchange, object_in
from local.simulator import Simulator
from shared.callers.caller import Caller
from shared.callers.file import load_callers
from shared.settings import Settings

# What points the function at the simulator.
_SIMULATOR = {"ccc_endpoint", "kms_endpoint"}
_MUTED = ["MUTED"]
_EXPECTED = [("muted", _MUTED)] * 3 + [("unmuted", [])]


def main(arguments: Sequence[str] | None = None) -> int:
    """Send the webhooks and return 0 only if each of the three muted the call, and the last one unmuted it."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="show bodies, log lines and answers as well")
    options = parser.parse_args(arguments)
    callers = load_callers(CALLERS).callers
    # Whatever a shell holds for a deployment, the demo shows the defaults.
    variables = {name.upper(): "" for name in Settings.model_fields if name not in _SIMULATOR}
    with stack(variables=variables | SECRETS | {"CALLERS_FILE": str(CALLERS)}) as (gateway, simulator):
        _write(f"a call is in progress; {_channel(_flags(simulator))}\n\n")
        seen = [
            _step(sender, callers[sender.caller], gateway, simulator, verbose=options.verbose) for sender in SENDERS
        ]
    return 0 if seen == _EXPECTED else 1


def _step(
    sender: Sender, caller: Caller, gateway: Gateway, simulator: Simulator, *, verbose: bool
) -> tuple[str, list[str]]:
    """Post a sender's webhook and tell what came of it; return the status of its answer, and the channel's flags."""
    outgoing = sender.outgoing(gateway.url, caller)
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        answer = exchange(outgoing)
    body = object_in(answer.body)
    status, flags = str(body.get("code") or body.get("status")), _flags(simulator)
    path = outgoing.target.partition("?")[0]
    said = f"{answer.status} {status}"
    kind = "form" if sender.form else "JSON"
    _write(f"POST {path:<19}{caller.auth.scheme:<11}{kind}   {said:<13}{_channel(flags)}\n")
    if verbose:
        _write(_details(outgoing, log.getvalue(), answer))
    return status, flags


def _details(outgoing: Outgoing, log: str, answer: Answer) -> str:
    return f"sent    {' '.join(outgoing.body.decode().split())}\nlog     {log}answer  {answer.body}\n\n"


def _flags(simulator: Simulator) -> list[str]:
    """Return the flags that the agent's channel has at the simulator."""
    channel, *_ = simulator.snapshot()["calls"][0]["channels"]
    flags: list[str] = channel["flags"]
    return flags


def _channel(flags: list[str]) -> str:
    return f"the agent's channel at CCC: {', '.join(flags) or 'no flags'}"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    run(main)
