"""The interface of a store of idempotent requests: three atomic steps."""

import errno
from typing import NamedTuple, Protocol

CLAIM = "?"

_NO_FILE = frozenset({errno.EMFILE, errno.ENFILE})


class StoreError(Exception):
    """The store cannot be reached, refuses or does not answer in time; the text says why, without foreign text."""


class Held(NamedTuple):
    """The record that another request stored under a key, and how long it remains valid."""

    value: str
    left_ms: int


class Store(Protocol):
    """Values under keys, each for a limited time: claims, which begin with `CLAIM` and name their owner, and answers.

    What stands before the last colon of a key is its scope: however many keys one scope has, no other scope's are
    forgotten for them. A step that is sent again, because its answer was lost, changes nothing. Every step may raise
    `StoreError`, and does so no later than its `deadline` (by `time.monotonic()`).
    """

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        """Claim a free key and return `None`, or return the record that the key has."""

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        """Replace a claim by an answer, whoever claimed: the answer is a fact that no claim can change.

        Returns:
            Whether it stands there now, and no other answer.
        """

    def release(self, key: str, value: str, deadline: float) -> None:
        """Take the own claim away."""


def scope_of(key: str) -> str:
    """Return the scope of a key."""
    return key.rpartition(":")[0]


def cause_of(error: Exception) -> str:
    """Return why a step failed, for the log: of errors of others not their text, which may name anything."""
    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, MemoryError):
        return "no memory is free"
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "no thread is free"
    # A client wraps what the system says.
    if any(isinstance(one, OSError) and one.errno in _NO_FILE for one in (error, error.__context__)):
        return "no file descriptor is free"
    return type(error).__name__
