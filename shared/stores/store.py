"""What a store of idempotent requests does: three steps, each atomic."""

from __future__ import annotations

from typing import NamedTuple, Protocol

CLAIM = "?"


class StoreError(Exception):
    """The store cannot be reached or does not answer in time; the text is the name of the cause, no foreign text."""


class Held(NamedTuple):
    """What somebody else has put under a key, and for how long it still stands there."""

    value: str
    left_ms: int


class Store(Protocol):
    """Values under keys, each for a limited time: claims, which begin with `CLAIM` and name their owner, and answers.

    A step that is sent again, because its answer was lost, changes nothing. Every step may raise `StoreError`, and does
    so no later than its `deadline` (by `time.monotonic()`).
    """

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        """Put a claim under a free key and return `None`, or return what stands there."""

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        """Put an answer in the place of a claim, whosesoever: it tells what has happened, and no claim can change that.

        Returns:
            Whether it stands there now, and no other answer.
        """

    def release(self, key: str, value: str, deadline: float) -> None:
        """Take the own claim away."""
