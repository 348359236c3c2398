"""The senders of the demo: who they are to the function, and what each of them posts."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from local.demo.stack import DEMO_TOKEN, DEMO_UNMUTE_TOKEN, TOKEN_VARIABLE, UNMUTE_TOKEN_VARIABLE
from local.send.message import compose, read_message
from local.send.wire import Outgoing
from shared.callers.caller import Caller

ROOT = Path(__file__).parents[2]
CALLERS = ROOT / "local" / "callers.toml"


class Sender(NamedTuple):
    """One sender: its caller, its secret, and the sample that it posts."""

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


def outgoing(sender: Sender, url: str, caller: Caller) -> Outgoing:
    """Return a sender's webhook, signed now.

    Args:
        sender: one of the demo.
        url: of the gateway.
        caller: the sender's, in the callers file.
    """
    message = read_message((ROOT / "events" / sender.sample).read_bytes(), form=sender.form)
    return compose(message, urlsplit(url), sender.caller, caller, sender.secret, time.time())
