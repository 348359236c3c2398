"""What is known of one invocation: ids, times, caller, and what each step has found."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.action import Action
from shared.callers.caller import Caller
from shared.payload.parameters import CallParameters
from shared.runtime.event import Request
from shared.settings import Settings

# Until the event is read, it is taken for a direct invocation: that answer needs no envelope.
_UNREAD = Request(direct=True)


@dataclass
class Invocation:
    """What one invocation has come to know, for the form of its answer and for its log line."""

    action: Action
    request_id: str | None
    cold_start: bool
    started: float = field(default_factory=time.monotonic)
    request: Request = _UNREAD
    caller_name: str | None = None
    caller: Caller | None = None
    log_level: str = "INFO"
    # Once they hold.
    parameters: CallParameters | None = field(default=None, repr=False)
    attempts: int = 0
    upstream_ms: float | None = None
    # Whether the outcome is that of an earlier request, and what the store failed to do after it had ended.
    replayed: bool = False
    store_fault: str | None = None
    # What a dead letter is made of, and what it must not hold.
    settings: Settings | None = field(default=None, repr=False)
    body: bytes = field(default=b"", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    # What each step has found, for whoever explains a request (`local.explain`); the log holds nothing of it.
    steps: list[tuple[str, object]] = field(default_factory=list, repr=False)

    def passed(self, step: str, found: object = None) -> None:
        """Note that a step was passed, and what it found."""
        self.steps.append((step, found))

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
