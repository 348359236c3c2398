"""One line of the checklist."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Status(Enum):
    """How a check has ended; its value is the word that `--json` has for it."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(NamedTuple):
    """What was looked at and what was found; neither holds a secret.

    Attributes:
        name: of what was looked at.
        status: how it ended.
        found: one line.
        remedy: what to do about it, a command or a place; `None` where there is nothing to do.
    """

    name: str
    status: Status
    found: str
    remedy: str | None = None


def ok(name: str, found: str) -> Check:
    """Return a check that has passed."""
    return Check(name, Status.OK, found)


def warning(name: str, found: str, remedy: str) -> Check:
    """Return a check that has found what need not be wrong."""
    return Check(name, Status.WARNING, found, remedy)


def failed(name: str, found: str, remedy: str) -> Check:
    """Return a check that has found a fault."""
    return Check(name, Status.FAILED, found, remedy)


def skipped(name: str, reason: str) -> Check:
    """Return a check that could not be made."""
    return Check(name, Status.SKIPPED, reason)
