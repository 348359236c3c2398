"""How long ago something was, in an instance that is frozen between invocations."""

from __future__ import annotations

import time

# Well below the idle timeouts of servers and of the network between.
MAX_IDLE_S = 5.0


class Moment:
    """A moment, by both clocks: which of them goes on in a frozen instance is the platform's."""

    def __init__(self) -> None:
        """Now."""
        self._clocks = _clocks()

    def age_s(self) -> float:
        """Return the seconds since then by the clock that says more; one that was put back counts as well."""
        return max(abs(now - then) for now, then in zip(_clocks(), self._clocks, strict=True))


class LastUse(Moment):
    """When a connection was used last.

    In a frozen instance connections die without a sign: on a dead one a request is lost, and nobody knows how it ended.
    """

    def is_long_ago(self) -> bool:
        """Whether the connection has to be opened anew."""
        return self.age_s() > MAX_IDLE_S


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()
