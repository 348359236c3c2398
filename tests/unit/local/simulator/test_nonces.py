from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from local.simulator.endpoint import Endpoint
from local.simulator.nonces import NonceStore
from tests.unit.local.simulator.conftest import FakeClock
from tests.unit.local.simulator.signing import signed_v3


def test_a_nonce_belongs_to_its_access_key(clock: FakeClock) -> None:
    store = NonceStore(clock)

    assert store.claim("a", "1")
    assert store.used("a", "1")
    assert not store.used("b", "1")
    assert store.claim("b", "1")
    assert not store.claim("a", "1")


def test_old_nonces_are_forgotten_and_young_ones_kept(clock: FakeClock) -> None:
    store = NonceStore(clock, lifetime=timedelta(minutes=1))
    store.claim("a", "old")
    clock.now += timedelta(minutes=1)
    store.claim("a", "young")
    assert store.used("a", "old")

    clock.now += timedelta(seconds=1)

    assert not store.used("a", "old")
    assert store.used("a", "young")
    clock.now += timedelta(minutes=1)
    assert store.claim("a", "young")
    store.clear()
    assert not store.used("a", "young")


def test_a_nonce_is_kept_for_twice_the_window(clock: FakeClock) -> None:
    store = NonceStore(clock)
    store.claim("a", "1")
    clock.now += timedelta(minutes=30)
    assert store.used("a", "1")

    clock.now += timedelta(seconds=1)

    assert not store.used("a", "1")


def test_of_many_equal_claims_one_passes(clock: FakeClock) -> None:
    store = NonceStore(clock)
    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(lambda _: store.claim("a", "1"), range(200)))

    assert passed.count(True) == 1


def test_the_second_of_two_equal_requests_loses_even_where_both_passed_the_first_look(clock: FakeClock) -> None:
    class BlindStore(NonceStore):
        """Looks before the other request has claimed."""

        def __init__(self) -> None:
            super().__init__(clock)
            self.looks: Iterator[bool] = iter([False, False])

        def used(self, access_key_id: str, nonce: str) -> bool:
            del access_key_id, nonce
            return next(self.looks)

    endpoint = Endpoint(clock=clock, nonces=BlindStore())
    request = signed_v3()
    answers = [endpoint.handle(request).answer, endpoint.handle(request).answer]

    assert [answer and answer.status for answer in answers] == [200, 400]
