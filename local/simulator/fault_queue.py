"""The queue in which scripted faults wait, each for one API request, of any action or of its own."""

import threading

from local.simulator.fault import Fault, parse


class FaultQueue:
    """Faults in the order they were added; safe for threads."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []
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

    def take(self, action: str) -> Fault | None:
        """Return the first fault that is for a request of that action and remove it, or None."""
        with self._lock:
            for position, fault in enumerate(self._queue):
                if fault.action in (None, action):
                    return self._queue.pop(position)
            return None

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._queue.clear()
