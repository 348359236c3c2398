"""What only the store in memory does; tests/integration/shared/test_stores.py has what both do."""

from __future__ import annotations

import pytest

from shared.stores.memory import MemoryStore
from shared.stores.remembering import RememberingStore
from shared.stores.store import Held, StoreError


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_values_end_with_their_time() -> None:
    clock = Clock()
    store = MemoryStore(clock)
    store.claim("key", "?mine", 1_000, 0)

    clock.now += 0.75
    assert store.claim("key", "?other", 1_000, 0) == Held("?mine", 250)

    clock.now += 0.25
    assert store.claim("key", "?other", 1_000, 0) is None


def test_the_oldest_is_forgotten_first() -> None:
    store = MemoryStore(capacity=2)
    for key in ("first", "second", "third"):
        store.complete(key, "answer", 60_000, 0)

    assert [store.look_up(key) is not None for key in ("first", "second", "third")] == [False, True, True]


class Failing(MemoryStore):
    """A store that is gone while it is told so."""

    gone = False

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        self._check()
        return super().claim(key, value, lease_ms, deadline)

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        self._check()
        return super().complete(key, value, ttl_ms, deadline)

    def _check(self) -> None:
        if self.gone:
            raise StoreError("Gone")


def test_an_answer_that_could_not_be_stored_is_known_here_and_delivered_before_the_next_claim() -> None:
    shared = Failing()
    store = RememberingStore(shared)
    store.claim("key", "?mine", 60_000, 0)
    shared.gone = True
    with pytest.raises(StoreError):
        store.complete("key", "answer", 60_000, 0)

    known = store.claim("key", "?again", 60_000, 0)
    assert known is not None
    assert known.value == "answer"
    with pytest.raises(StoreError):
        store.claim("next", "?mine", 60_000, 0)

    shared.gone = False
    assert store.claim("next", "?mine", 60_000, 0) is None
    told = shared.look_up("key")
    assert told is not None
    assert told.value == "answer"


def test_an_answer_survives_the_loss_of_the_shared_store() -> None:
    shared = MemoryStore()
    store = RememberingStore(shared)
    store.complete("key", "answer", 60_000, 0)
    shared.release("key", "answer", 0)

    known = store.claim("key", "?mine", 60_000, 0)

    assert known is not None
    assert known.value == "answer"
