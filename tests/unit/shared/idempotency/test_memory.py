"""What only the store in memory does; tests/integration/shared/idempotency/test_stores.py has what both do."""

from __future__ import annotations

from unittest.mock import ANY

import pytest

from shared.idempotency.memory import MemoryStore
from shared.idempotency.once import name_of
from shared.idempotency.remembering import RememberingStore
from shared.idempotency.store import Held, StoreError


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

    assert [store.get(key) is not None for key in ("first", "second", "third")] == [False, True, True]


@pytest.mark.parametrize("remembers", [False, True])
def test_nobody_is_forgotten_for_the_keys_of_another(*, remembers: bool) -> None:
    shared = MemoryStore()
    store = RememberingStore(shared) if remembers else shared
    store.complete(name_of("quiet", "key"), "answer", 60_000, 0)
    store.complete(name_of("quiet", "key", "function", "MuteCall"), "answer", 60_000, 0)

    for number in range(3_000):
        store.complete(name_of("loud", str(number)), "answer", 60_000, 0)

    kept = [name_of("quiet", "key"), name_of("quiet", "key", "function", "MuteCall"), name_of("loud", "2000")]
    assert [store.claim(name, "?mine", 60_000, 0) for name in kept] == [Held("answer", ANY)] * 3
    assert store.claim(name_of("loud", "1999"), "?mine", 60_000, 0) is None or remembers


class Failing(MemoryStore):
    """A store that is gone while it is told so."""

    gone = False
    refused = ""

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        self._check()
        return super().claim(key, value, lease_ms, deadline)

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        self._check(key)
        return super().complete(key, value, ttl_ms, deadline)

    def _check(self, key: str = "-") -> None:
        if self.gone or key == self.refused:
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
    told = shared.get("key")
    assert told is not None
    assert told.value == "answer"


def test_nobodys_answer_is_lost_for_the_late_ones_of_another_or_waits_for_one_that_is_never_taken() -> None:
    shared = Failing()
    store = RememberingStore(shared)
    shared.gone = True
    names = [name_of("quiet", "key"), *(name_of("loud", str(number)) for number in range(300))]
    for name in names:
        with pytest.raises(StoreError):
            store.complete(name, "answer", 60_000, 0)
    shared.gone, shared.refused = False, name_of("loud", "100")

    # The first of them meets the one that is refused.
    assert [store.claim(name_of("new", str(number)), "?mine", 60_000, 0) for number in range(3)] == [None] * 3

    delivered = [shared.get(name) is not None for name in names]
    # Of the loud one the last two hundred.
    assert delivered == [True, *[False] * 101, *[True] * 199]


def test_an_answer_survives_the_loss_of_the_shared_store() -> None:
    shared = MemoryStore()
    store = RememberingStore(shared)
    store.complete("key", "answer", 60_000, 0)
    shared.release("key", "answer", 0)

    known = store.claim("key", "?mine", 60_000, 0)

    assert known is not None
    assert known.value == "answer"
