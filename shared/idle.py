"""When a connection has been idle for too long to be trusted.

Between invocations an instance is frozen, and its connections die without a sign: on a dead one a request is lost, and
nobody knows how it ended.
"""

from __future__ import annotations

import time

# Well below the idle timeouts of servers and of the network between.
MAX_IDLE_S = 5.0


class LastUse:
    """When a connection was used last, by both clocks: which of them goes on in a frozen instance is the platform's."""

    def __init__(self) -> None:
        """Used now."""
        self._clocks = _clocks()

    def is_long_ago(self) -> bool:
        """Whether the connection has to be opened anew."""
        return max(abs(now - then) for now, then in zip(_clocks(), self._clocks, strict=True)) > MAX_IDLE_S


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()
