"""A store in this process. No other instance sees it, and it ends with this instance."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable

from shared.idempotency.store import CLAIM, Held, scope_of

# Of each scope, that is of each caller: about a megabyte. The callers file bounds how many there are.
CAPACITY = 1_000


class MemoryStore:
    """The last thousand values of each scope, the oldest forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, capacity: int = CAPACITY) -> None:
        """Begin empty.

        Args:
            clock: seconds, never backwards.
            capacity: how many values of a scope are kept.
        """
        self._clock = clock
        self._capacity = capacity
        self._lock = threading.Lock()
        # By scope: a value and when it ends, in the order in which they were put.
        self._values: dict[str, OrderedDict[str, tuple[str, float]]] = defaultdict(OrderedDict)

    def get(self, key: str) -> Held | None:
        """Return the record of a key."""
        with self._lock:
            return self._held(key)

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:  # noqa: ARG002 - never late
        """Claim a free key and return `None`, or return the record that the key has."""
        with self._lock:
            held = self._held(key)
            if held is not None and held.value != value:
                return held
            self._put(key, value, lease_ms)
            return None

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:  # noqa: ARG002 - as above
        """Put an answer in the place of a claim."""
        with self._lock:
            held = self._held(key)
            if held is not None and held.value != value and not held.value.startswith(CLAIM):
                return False
            self._put(key, value, ttl_ms)
            return True

    def release(self, key: str, value: str, deadline: float) -> None:  # noqa: ARG002 - as above
        """Take the own claim away."""
        with self._lock:
            held = self._held(key)
            if held is not None and held.value == value:
                del self._values[scope_of(key)][key]

    def _held(self, key: str) -> Held | None:
        value, ends = self._values[scope_of(key)].get(key, ("", 0.0))
        left_s = ends - self._clock()
        return Held(value, int(left_s * 1000)) if value and left_s > 0 else None

    def _put(self, key: str, value: str, ttl_ms: int) -> None:
        values = self._values[scope_of(key)]
        values[key] = (value, self._clock() + ttl_ms / 1000)
        values.move_to_end(key)
        while len(values) > self._capacity:
            values.popitem(last=False)
