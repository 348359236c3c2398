from __future__ import annotations

import pytest

from local.console import deliveries
from local.console.deliveries import MOST, Deliveries
from local.gateway.message import Request
from local.http import Answer


def numbers(kept: Deliveries) -> list[int]:
    return [delivery.number for delivery in kept.newest_first()]


def add(kept: Deliveries, count: int = 1, body: bytes = b"") -> None:
    for _ in range(count):
        kept.add(Request("POST", "/", (), body), Answer(200), 1.0)


def test_the_last_hundred_are_kept_newest_first() -> None:
    kept = Deliveries()
    add(kept, MOST + 3)
    assert numbers(kept) == list(range(MOST + 3, 3, -1))


def test_long_bodies_leave_room_for_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MOST_BYTES", 10)
    kept = Deliveries()
    add(kept, 3, b"four")
    assert numbers(kept) == [3, 2]
    add(kept, body=b"longer than all of them")
    assert numbers(kept) == [4]


def test_one_is_found_by_its_number() -> None:
    kept = Deliveries()
    add(kept, MOST + 1)
    found = kept.get(2)
    assert found is not None
    assert found.number == 2
    assert kept.get(1) is None


def test_the_number_of_a_request_is_found_while_it_is_kept() -> None:
    kept = Deliveries()
    add(kept, 2)
    first = kept.newest_first()[1]
    assert kept.number_of(first.request.request_id) == first.number
    add(kept, MOST)
    assert kept.number_of(first.request.request_id) is None


def test_a_number_is_never_given_twice() -> None:
    kept = Deliveries()
    add(kept, 2)
    kept.clear()
    assert numbers(kept) == []
    add(kept)
    assert numbers(kept) == [3]


def test_nothing_of_a_request_is_in_its_representation() -> None:
    kept = Deliveries()
    add(kept, body=b"canary")
    assert "canary" not in repr(kept.newest_first())
