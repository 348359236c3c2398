"""The queue in which scripted faults wait, each for one API request."""

import threading
from collections import deque

from local.simulator.fault import Fault, parse


class FaultQueue:
    """Faults in the order they were added; safe for threads."""

    def __init__(self) -> None:
        self._queue: deque[Fault] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, script: object) -> int:
        """Queue a fault given as a decoded JSON object, `times` times, and return how many wait now.

        Raises:
            FaultError: it is not valid; nothing is queued.
        """
        fault, times = parse(script)
        with self._lock:
            self._queue.extend([fault] * times)
            return len(self._queue)

    def take(self) -> Fault | None:
        """Return the next fault and remove it, or None."""
        with self._lock:
            return self._queue.popleft() if self._queue else None

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._queue.clear()
