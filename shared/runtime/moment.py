"""Measures elapsed time in an instance that the platform freezes between invocations."""

from __future__ import annotations

import time


class Moment:
    """A moment, by both clocks: which of them goes on in a frozen instance is the platform's."""

    def __init__(self) -> None:
        """Now."""
        self._clocks = _clocks()

    def age_s(self) -> float:
        """Return the seconds since then by the clock that says more; one that was put back counts as well."""
        return max(abs(now - then) for now, then in zip(_clocks(), self._clocks, strict=True))


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()
