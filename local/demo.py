"""`make demo`: three senders mute a call, each its own way, and one of them unmutes it at the counterpart."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from local.command_line import run
from local.gateway import Gateway
from local.send.message import compose, read_message
from local.send.wire import Answer, Outgoing, exchange
from local.simulator import Simulator
from local.stack import (
    DEMO_TOKEN,
    DEMO_UNMUTE_TOKEN,
    TOKEN_VARIABLE,
    UNMUTE_HANDLER,
    UNMUTE_TOKEN_VARIABLE,
    environment,
    stack,
)
from shared.callers.caller import Caller
from shared.callers.file import load_callers
from shared.settings import Settings

__all__ = ["EVENT", "Answer", "main", "post"]

ROOT = Path(__file__).parent.parent
EVENT = ROOT / "events" / "http.json"
CALLERS = ROOT / "local" / "callers.toml"
UNMUTE_CALLERS = ROOT / "functions" / "unmute_call" / "callers.toml"


# What points the function at the simulator.
_SIMULATOR = {"ccc_endpoint", "kms_endpoint"}


class Sender(NamedTuple):
    """One of the demo's senders: its caller, its secret, and the sample that it posts."""

    caller: str
    variable: str
    secret: str
    sample: str
    form: bool = False


SENDERS = (
    Sender("default", TOKEN_VARIABLE, DEMO_TOKEN, "http.json"),
    Sender(
        "crm",
        "CRM_SECRET",
        "whsec_" + base64.b64encode(b"a made-up key of 32 bytes, no more").decode(),
        "callers/standard-webhooks.json",
    ),
    Sender("flow", "FLOW_KEY", "demo-key", "direct.json", form=True),
)
# The first one at the counterpart, where it has another secret.
UNMUTER = Sender("default", UNMUTE_TOKEN_VARIABLE, DEMO_UNMUTE_TOKEN, "http.json")


def post(url: str, event: Mapping[str, Any]) -> Answer:
    """Send the HTTP request that an event of the HTTP trigger stands for.

    Args:
        url: of the gateway.
        event: a decoded event, version v1.

    Raises:
        OSError, http.client.HTTPException: no answer.
    """
    content: str = event["body"]
    body = base64.b64decode(content) if event["isBase64Encoded"] else content.encode()
    query = urlencode(event["queryParameters"])
    target = event["rawPath"] + (f"?{query}" if query else "")
    headers = {name: value for name, value in event["headers"].items() if name not in ("Host", "Content-Length")}
    return exchange(Outgoing(url, event["requestContext"]["http"]["method"], target, headers, body))


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
    message = read_message((ROOT / "events" / sender.sample).read_bytes(), form=sender.form)
    outgoing = compose(message, urlsplit(gateway.url), sender.caller, caller, sender.secret, time.time())
    _show(f"POST {outgoing.target}  ({caller.auth.scheme})", outgoing.body.decode())
    answer = exchange(outgoing)
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
