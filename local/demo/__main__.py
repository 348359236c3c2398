"""`make demo`: three senders mute a call, each its own way, and one of them unmutes it at the counterpart."""

from __future__ import annotations

import json
import sys

from local.cli.command_line import run
from local.demo.senders import CALLERS, ROOT, SENDERS, UNMUTER, Sender, outgoing
from local.demo.stack import UNMUTE_HANDLER, environment, stack
from local.gateway import Gateway
from local.send.wire import exchange
from local.simulator import Simulator
from shared.callers.caller import Caller
from shared.callers.file import load_callers
from shared.settings import Settings

UNMUTE_CALLERS = ROOT / "functions" / "unmute_call" / "callers.toml"
# What points the function at the simulator.
_SIMULATOR = {"ccc_endpoint", "kms_endpoint"}


def main() -> int:
    """Send the webhooks and return 0 only if each of the three muted the call, and the last one unmuted it."""
    callers = load_callers(CALLERS).callers
    # Whatever a shell holds for a deployment, the demo shows the defaults.
    variables = {name.upper(): "" for name in Settings.model_fields if name not in _SIMULATOR}
    variables |= {sender.variable: sender.secret for sender in (*SENDERS, UNMUTER)} | {"CALLERS_FILE": str(CALLERS)}
    with stack(variables=variables) as (gateway, simulator):
        answers = [_send(sender, gateway, callers[sender.caller]) for sender in SENDERS]
        flags = [_flags(simulator)]
        with environment({"CALLERS_FILE": str(UNMUTE_CALLERS)}), Gateway(UNMUTE_HANDLER, port=0) as counterpart:
            answers.append(_send(UNMUTER, counterpart, load_callers(UNMUTE_CALLERS).callers[UNMUTER.caller]))
        flags.append(_flags(simulator))
    done = answers == ["muted"] * len(SENDERS) + ["unmuted"] and flags == [["MUTED"], []]
    return 0 if done else 1


def _send(sender: Sender, gateway: Gateway, caller: Caller) -> str | None:
    """Post a sender's webhook, show it with its answer, and return the answer's status."""
    sent = outgoing(sender, gateway.url, caller)
    _show(f"POST {sent.target}  ({caller.auth.scheme})", sent.body.decode())
    answer = exchange(sent)
    _show(f"HTTP {answer.status} {answer.content_type}", answer.body)
    status: str | None = json.loads(answer.body).get("status")
    return status


def _flags(simulator: Simulator) -> list[str]:
    """Show and return the flags that the agent's channel has at the simulator."""
    channel, *_ = simulator.snapshot()["calls"][0]["channels"]
    flags: list[str] = channel["flags"]
    sys.stdout.write(f"the agent's channel at CCC: {', '.join(flags) or 'no flags'}\n\n")
    return flags


def _show(title: str, body: str) -> None:
    shown = json.dumps(json.loads(body), indent=2, ensure_ascii=False) if body.startswith("{") else body
    sys.stdout.write(f"{title}\n{shown}\n\n")


if __name__ == "__main__":
    run(main)
