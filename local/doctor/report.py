"""The checklist as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from local.doctor.check import Check, Status

_MARKS = {Status.OK: "✓", Status.WARNING: "!", Status.FAILED: "✗", Status.SKIPPED: "–"}  # noqa: RUF001 - a dash
_COLUMN = 14


def line(check: Check) -> str:
    """Return a check as a line, and its remedy as a second one."""
    told = f"{_MARKS[check.status]} {check.name:<{_COLUMN}}{check.found}\n"
    return told if check.remedy is None else f"{told}{'':<{_COLUMN + 2}}→ {check.remedy}\n"


def summary(checks: Sequence[Check]) -> str:
    """Return how many checks ended in which way, as a line."""
    counts = Counter(check.status for check in checks)
    return ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status]) + "\n"


def is_healthy(checks: Sequence[Check]) -> bool:
    """Whether no check has failed."""
    return all(check.status is not Status.FAILED for check in checks)


def as_json(checks: Sequence[Check]) -> str:
    """Return the checklist as a JSON object."""
    listed = [{**check._asdict(), "status": check.status.value} for check in checks]
    return json.dumps({"ok": is_healthy(checks), "checks": listed}, indent=2, ensure_ascii=False) + "\n"
