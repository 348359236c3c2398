"""A shared store, plus the answers of this instance."""

import time
from collections import deque
from typing import NamedTuple

from shared.idempotency.memory import MemoryStore
from shared.idempotency.store import Held, Store, StoreError, scope_of

# Of each scope. More than an instance can be asked for before it finds that its store is gone.
_MOST_UNSAVED = 200
# Of the time to claim: what is left belongs to the claim itself, however much there is to deliver.
_DELIVERY_SHARE = 0.5


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
        self._unsaved: dict[str, deque[_Late]] = {}

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        """Claim a free key and return `None`, or return the record that the key has."""
        if known := self._own.get(key):
            return known
        self._deliver(deadline)
        return self._shared.claim(key, value, lease_ms, deadline)

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        """Put an answer in the place of a claim."""
        self._own.complete(key, value, ttl_ms, deadline)
        try:
            return self._shared.complete(key, value, ttl_ms, deadline)
        except StoreError:
            self._unsaved.setdefault(scope_of(key), deque(maxlen=_MOST_UNSAVED)).append(_Late(key, value, ttl_ms))
            raise

    def release(self, key: str, value: str, deadline: float) -> None:
        """Take the own claim away."""
        self._shared.release(key, value, deadline)

    def _deliver(self, deadline: float) -> None:
        """Deliver answers, one of each scope in turn, until time is up or one is not accepted.

        That one goes to the end: an answer that is never taken holds up neither others nor the claim.
        """
        began = time.monotonic()
        latest = began + (deadline - began) * _DELIVERY_SHARE
        while waiting := [late for late in list(self._unsaved.values()) if late]:
            for unsaved in waiting:
                try:
                    late = unsaved.popleft()
                except IndexError:
                    # Another thread was faster.
                    continue
                try:
                    self._shared.complete(*late, latest)
                except StoreError:
                    unsaved.append(late)
                    return
