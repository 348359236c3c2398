"""The senders of the demo: their callers, and the payload that each one posts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from local.demo.stack import (
    DEMO_TOKEN,
    DEMO_UNMUTE_TOKEN,
    MUTE_PATH,
    TOKEN_VARIABLE,
    UNMUTE_PATH,
    UNMUTE_TOKEN_VARIABLE,
)
from local.send.message import compose, read_message
from local.send.wire import Outgoing
from shared.callers.caller import Caller

ROOT = Path(__file__).parents[2]
CALLERS = ROOT / "local" / "callers.toml"


class Sender(NamedTuple):
    """One sender.

    Attributes:
        caller: its name in the callers file.
        variable: what holds its secret.
        secret: made up for this machine.
        sample: what it posts, in `events/`.
        form: as a form.
        path: of the function that it calls.
    """

    caller: str
    variable: str
    secret: str
    sample: str
    form: bool = False
    path: str = MUTE_PATH

    def outgoing(self, url: str, caller: Caller) -> Outgoing:
        """Return the webhook, signed now.

        Args:
            url: of the gateway.
            caller: its table of the callers file.
        """
        message = read_message((ROOT / "events" / self.sample).read_bytes(), form=self.form)
        target = urlsplit(f"{url}/{self.path}/")
        return compose(message, target, self.caller, caller, self.secret, time.time())


SENDERS = (
    Sender("default", TOKEN_VARIABLE, DEMO_TOKEN, "direct.json"),
    Sender("jiandaoyun", "JIANDAOYUN_SECRET", "demo-secret", "callers/jiandaoyun.json"),
    Sender("flow", "FLOW_KEY", "demo-key", "direct.json", form=True),
    Sender("supervisor", UNMUTE_TOKEN_VARIABLE, DEMO_UNMUTE_TOKEN, "direct.json", path=UNMUTE_PATH),
)
SECRETS = {sender.variable: sender.secret for sender in SENDERS}
