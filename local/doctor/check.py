"""One line of the checklist."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Status(Enum):
    """The result of a check; the value is its word in `--json`."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(NamedTuple):
    """A check and its result; neither contains a secret.

    Attributes:
        name: of what was checked.
        status: the result.
        found: what was found, one line.
        remedy: how to fix it, a command or a place; `None` if there is nothing to do.
    """

    name: str
    status: Status
    found: str
    remedy: str | None = None


def ok(name: str, found: str) -> Check:
    """Return a check that passed."""
    return Check(name, Status.OK, found)


def warning(name: str, found: str, remedy: str) -> Check:
    """Return a check that found a possible fault."""
    return Check(name, Status.WARNING, found, remedy)


def failed(name: str, found: str, remedy: str) -> Check:
    """Return a check that found a fault."""
    return Check(name, Status.FAILED, found, remedy)


def skipped(name: str, reason: str) -> Check:
    """Return a check that could not run."""
    return Check(name, Status.SKIPPED, reason)
