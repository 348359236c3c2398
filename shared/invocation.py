"""The state of one invocation: ids, times, caller, and the current step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from shared.action import Action
from shared.callers.caller import Caller
from shared.payload.parameters import CallParameters
from shared.runtime.event import Request
from shared.settings import Settings

# The steps of the pipeline, in order.
Step = Literal[
    "size",
    "method",
    "body",
    "configuration",
    "caller",
    "secrets",
    "verify",
    "methods",
    "networks",
    "decode",
    "map",
    "parameters",
    "age",
    "key",
    "instances",
    "credentials",
    "call",
]
# Called with each step that was passed and what it found, and at the end with the last step and the outcome.
Observe = Callable[[Step, object], None]


def ignore(step: Step, found: object) -> None:
    """Observe nothing."""


@dataclass
class Invocation:
    """The data for the log line, the answer and the dead letter.

    Attributes:
        step: the one that is being taken; of a request that failed, the one that failed.
        is_handshake: whether a handshake has taken it.
        parameters: once they hold.
        replayed: whether the outcome is that of an earlier request.
        store_fault: what failed when the answer was stored.
        settings, secrets: for the dead letter; it must contain none of the secrets.
    """

    action: Action
    request_id: str | None
    request: Request = field(default_factory=Request)
    cold_start: bool = False
    log_level: str = "INFO"
    observe: Observe = field(default=ignore, repr=False)
    started: float = field(default_factory=time.monotonic)
    step: Step = "size"
    caller_name: str | None = None
    caller: Caller | None = None
    is_handshake: bool = False
    parameters: CallParameters | None = field(default=None, repr=False)
    attempts: int = 0
    upstream_ms: float | None = None
    replayed: bool = False
    store_fault: str | None = None
    settings: Settings | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def at(self, step: Step) -> None:
        """Note which step comes next."""
        self.step = step

    def found(self, found: object) -> None:
        """Report what this step has found to the observer."""
        self.observe(self.step, found)

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Count and time one call of CCC."""
        self.attempts += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self.upstream_ms = round((self.upstream_ms or 0) + ms_since(began), 1)


def ms_since(began: float) -> float:
    """Return the milliseconds since a moment by `time.monotonic()`, to a tenth."""
    return round((time.monotonic() - began) * 1000, 1)
