"""Connections that were idle, in an instance that the platform freezes between invocations."""

from __future__ import annotations

from shared.runtime.moment import Moment

# Well below the idle timeouts of servers and of the network between.
MAX_IDLE_S = 5.0


class LastUse(Moment):
    """When a connection was used last.

    In a frozen instance connections die without a sign: on a dead one a request is lost, and nobody knows how it ended.
    """

    def is_long_ago(self) -> bool:
        """Whether the connection must be opened again."""
        return self.age_s() > MAX_IDLE_S
