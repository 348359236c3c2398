"""The nonces of verified requests, so that each request is accepted once."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

Clock = Callable[[], datetime]


class NonceStore:
    """Remembers nonces for as long as a request that carries one could pass the timestamp check; safe for threads.

    Args:
        clock: returns the current time, timezone-aware.
        lifetime: twice the timestamp window, because a request may be dated at its far end.
    """

    def __init__(self, clock: Clock, lifetime: timedelta = timedelta(minutes=30)) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._used: dict[tuple[str, str], datetime] = {}
        self._lock = threading.Lock()

    def used(self, access_key_id: str, nonce: str) -> bool:
        """Say whether the access key has used that nonce, without remembering it."""
        with self._lock:
            self._forget_old()
            return (access_key_id, nonce) in self._used

    def claim(self, access_key_id: str, nonce: str) -> bool:
        """Remember a nonce; False where it was used already, so that of two equal requests only one passes."""
        with self._lock:
            self._forget_old()
            if (access_key_id, nonce) in self._used:
                return False
            self._used[access_key_id, nonce] = self._clock()
            return True

    def clear(self) -> None:
        """Forget every nonce."""
        with self._lock:
            self._used.clear()

    def _forget_old(self) -> None:
        # The dict is in the order of time, so only its beginning can be old.
        oldest_kept = self._clock() - self._lifetime
        while self._used:
            first = next(iter(self._used))
            if self._used[first] >= oldest_kept:
                return
            del self._used[first]
