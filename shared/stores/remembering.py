"""A shared store, and beside it what this instance itself has answered."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from shared.stores.memory import MemoryStore
from shared.stores.store import Held, Store, StoreError

# More than an instance can be asked for before it finds that its store is gone.
_MOST_UNSAVED = 200


class _Late(NamedTuple):
    key: str
    value: str
    ttl_ms: int


class RememberingStore:
    """An answer that the shared store fails to take is not lost: this instance knows it, and delivers it later.

    It is delivered before the next claim, since between invocations nothing runs. What the shared store has lost, this
    instance knows as well.
    """

    def __init__(self, shared: Store) -> None:
        """Remember nothing yet."""
        self._shared = shared
        self._own = MemoryStore()
        self._unsaved: deque[_Late] = deque(maxlen=_MOST_UNSAVED)

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        """Put a claim under a free key and return `None`, or return what stands there."""
        if known := self._own.look_up(key):
            return known
        self._deliver(deadline)
        return self._shared.claim(key, value, lease_ms, deadline)

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        """Put an answer in the place of a claim."""
        self._own.complete(key, value, ttl_ms, deadline)
        try:
            return self._shared.complete(key, value, ttl_ms, deadline)
        except StoreError:
            self._unsaved.append(_Late(key, value, ttl_ms))
            raise

    def release(self, key: str, value: str, deadline: float) -> None:
        """Take the own claim away."""
        self._shared.release(key, value, deadline)

    def _deliver(self, deadline: float) -> None:
        while self._unsaved:
            try:
                late = self._unsaved.popleft()
            except IndexError:
                # Another thread was faster.
                return
            try:
                self._shared.complete(*late, deadline)
            except StoreError:
                self._unsaved.appendleft(late)
                raise
