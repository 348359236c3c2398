"""For how long a secret of KMS is trusted, and how often KMS is asked."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.callers.secret_cache import EVERY_S, FRESH_S, MAX_AGE_S, MAX_SETS, SHARE, SecretCache
from shared.callers.secret_references import NotAskedError, SecretUnavailableError
from shared.problems import ConfigurationError
from shared.runtime import moment
from shared.runtime.context import Credentials
from shared.settings import Settings, read_settings
from tests.builders import Context312, environment

SETTINGS = read_settings({"DEADLINE_MS": "20000"}, region="cn-shanghai")
SHARE_S = 20 * SHARE
DOWN = SecretUnavailableError("kms:crm: KMS does not answer: LostError")
ROLE = "local-token"
REFUSED = ConfigurationError("kms:crm: KMS answered InvalidSecurityToken with HTTP 400")


@dataclass
class Kms:
    """Stands in for KMS: notes who is asked for, and returns or raises its outcome; forged credentials it refuses."""

    outcome: tuple[str, ...] | Exception = ("new", "old")
    asked: list[str] = field(default_factory=list)
    credentials: list[Credentials] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.released.set()

    def read(self, name: str, credentials: Credentials, _settings: Settings, _deadline: float) -> tuple[str, ...]:
        self.asked.append(name)
        self.credentials.append(credentials)
        assert self.released.wait(60)
        if "forged" in credentials.security_token:
            raise REFUSED
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Clock:
    """Both clocks of this machine, put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed_s = 0.0
        real = moment._clocks  # noqa: SLF001 - the one place that reads them
        monkeypatch.setattr(moment, "_clocks", lambda: tuple(value + self.passed_s for value in real()))

    def forward(self, seconds: float) -> None:
        self.passed_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def kms() -> Kms:
    return Kms()


@pytest.fixture
def kept(kms: Kms) -> SecretCache:
    return SecretCache(kms.read)


def get_secret(
    kept: SecretCache,
    reference: str = "kms:crm",
    *,
    early: bool = False,
    left_s: float = SHARE_S,
    settings: Settings = SETTINGS,
    **environ: str,
) -> Sequence[str]:
    started = time.monotonic() + left_s - SHARE_S
    return kept.getter(environment(**environ), Context312(), settings, started, early=early)(reference)


def forged(number: int) -> str:
    return f"forged-{number}"


def with_token(kept: SecretCache, token: str, *, early: bool = False) -> Sequence[str] | None:
    """Look up with a security token of its own; `None` where there is nothing."""
    try:
        return get_secret(kept, early=early, ALIBABA_CLOUD_SECURITY_TOKEN=token)
    except (ConfigurationError, SecretUnavailableError):
        return None


def test_a_variable_needs_no_kms(kept: SecretCache, kms: Kms) -> None:
    assert get_secret(kept, "env:A", A="a") == ("a",)
    assert get_secret(kept, "env:B") == ()
    assert kms.asked == []


def test_a_secret_is_read_once_for_minutes(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    assert get_secret(kept) == ("new", "old")
    clock.forward(FRESH_S - 1)
    assert get_secret(kept) == ("new", "old")
    assert get_secret(kept, "kms:other") == ("new", "old")
    assert kms.asked == ["crm", "other"]


def test_it_is_read_again_when_it_has_come_to_its_age(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    get_secret(kept)
    clock.forward(FRESH_S + 1)
    kms.outcome = ("newer", "new")
    assert get_secret(kept) == ("newer", "new")


def test_a_kms_that_is_down_is_bridged_up_to_five_minutes_and_no_longer(
    kept: SecretCache, kms: Kms, clock: Clock
) -> None:
    get_secret(kept)
    kms.outcome = DOWN
    clock.forward(FRESH_S + 1)
    assert get_secret(kept) == ("new", "old")
    clock.forward(MAX_AGE_S - FRESH_S - 2)
    assert get_secret(kept) == ("new", "old")
    clock.forward(2)
    with pytest.raises(SecretUnavailableError):
        get_secret(kept)
    assert MAX_AGE_S == 300


@pytest.mark.parametrize("failure", [DOWN, ConfigurationError("kms:crm: KMS answered NoPermission with HTTP 403")])
def test_nothing_is_guessed_where_kms_gives_nothing(kept: SecretCache, kms: Kms, failure: Exception) -> None:
    kms.outcome = failure
    with pytest.raises(type(failure)) as caught:
        get_secret(kept)
    assert str(caught.value) == str(failure)


def test_a_kms_that_fails_is_left_alone_for_a_while(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    kms.outcome = DOWN
    for _ in range(3):
        with pytest.raises(SecretUnavailableError):
            get_secret(kept, early=True)
    assert kms.asked == ["crm"]
    kms.outcome = ("new",)
    clock.forward(EVERY_S + 0.1)
    assert get_secret(kept) == ("new",)


def test_a_wrong_credential_has_it_read_early_and_only_so_often(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    get_secret(kept)
    kms.outcome = ("newer", "new")
    assert get_secret(kept) == ("new", "old")
    assert get_secret(kept, early=True) == ("newer", "new")
    for _ in range(100):
        get_secret(kept, early=True)
    assert len(kms.asked) == 2
    clock.forward(EVERY_S + 0.1)
    get_secret(kept, early=True)
    assert len(kms.asked) == 3


def test_an_early_read_that_fails_takes_nothing_away(kept: SecretCache, kms: Kms) -> None:
    get_secret(kept)
    kms.outcome = DOWN
    assert get_secret(kept, early=True) == ("new", "old")


def test_a_secret_that_was_taken_away_is_gone(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    get_secret(kept)
    kms.outcome = ()
    clock.forward(FRESH_S + 1)
    assert get_secret(kept) == ()


@pytest.mark.parametrize("clock_name", ["monotonic", "time"])
def test_an_instance_that_was_frozen_does_not_trust_what_it_holds(
    kept: SecretCache, kms: Kms, monkeypatch: pytest.MonkeyPatch, clock_name: str
) -> None:
    get_secret(kept)
    kms.outcome = DOWN
    real = getattr(time, clock_name)
    later = real() + 3_600
    monkeypatch.setattr(time, clock_name, lambda: later)
    with pytest.raises(SecretUnavailableError, match="LostError"):
        get_secret(kept)


def test_the_credentials_are_those_of_the_invocation_that_reads(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    get_secret(kept)
    clock.forward(FRESH_S + 1)
    get_secret(kept, ALIBABA_CLOUD_SECURITY_TOKEN="renewed")
    assert [credentials.security_token for credentials in kms.credentials] == ["local-token", "renewed"]


def test_an_invocation_without_credentials_gets_nothing_and_spoils_nothing(kept: SecretCache) -> None:
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="no role credentials"):
            get_secret(kept, ALIBABA_CLOUD_ACCESS_KEY_ID="")
        assert get_secret(kept) == ("new", "old")


@pytest.mark.parametrize("part", ["ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"])
@pytest.mark.parametrize("early", [False, True])
def test_what_one_set_of_credentials_has_read_counts_for_no_other(
    kept: SecretCache,
    kms: Kms,
    clock: Clock,
    part: str,
    early: bool,  # noqa: FBT001 - a column of the table
) -> None:
    other: dict[str, Any] = {f"ALIBABA_CLOUD_{part}": "another"}
    assert get_secret(kept) == ("new", "old")
    kms.outcome = REFUSED
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="InvalidSecurityToken"):
            get_secret(kept, early=early, **other)
    kms.outcome = ("another's",)
    clock.forward(EVERY_S + 0.1)
    assert get_secret(kept, early=early, **other) == ("another's",)
    assert get_secret(kept) == ("new", "old")


def test_what_was_read_in_one_region_counts_in_no_other(kept: SecretCache, kms: Kms) -> None:
    get_secret(kept)
    kms.outcome = ("another's",)
    elsewhere = read_settings({"DEADLINE_MS": "20000"}, region="cn-beijing")
    assert get_secret(kept, settings=elsewhere) == ("another's",)
    assert get_secret(kept) == ("new", "old")


@pytest.mark.parametrize("before", [[], [ROLE], [ROLE, ROLE], ["forged", ROLE]])
def test_credentials_that_were_renewed_read_as_soon_as_the_budget_allows(
    kept: SecretCache, kms: Kms, clock: Clock, before: list[str]
) -> None:
    get_secret(kept)
    for token in before:
        # The role's own reads reserve it nothing, and a reservation ends with its read.
        with_token(kept, token, early=True)
    if "forged" in before:
        clock.forward(EVERY_S + 0.1)
        with_token(kept, ROLE, early=True)
    clock.forward(EVERY_S + 0.1 if before else 0)
    kms.outcome = ("newer",)
    assert with_token(kept, "renewed") == ("newer",)


def test_what_was_seen_last_is_told_without_asking(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    seen = kept.getter_of_seen(environment(), Context312(), SETTINGS)
    with pytest.raises(NotAskedError):
        seen("kms:crm")
    get_secret(kept)
    clock.forward(MAX_AGE_S + 1)
    assert seen("kms:crm") == ("new", "old")
    assert len(kms.asked) == 1
    kms.outcome = DOWN
    with pytest.raises(SecretUnavailableError, match="LostError"):
        get_secret(kept)
    with pytest.raises(SecretUnavailableError, match="LostError"):
        seen("kms:crm")


def test_credentials_are_not_kept() -> None:
    seen: list[weakref.ref[Credentials]] = []

    def read(_name: str, credentials: Credentials, _settings: Settings, _deadline: float) -> tuple[str, ...]:
        seen.append(weakref.ref(credentials))
        return ("new",)

    kept = SecretCache(read)
    assert get_secret(kept) == ("new",)
    assert [credentials() for credentials in seen] == [None]


@pytest.mark.parametrize(
    ("outcome", "tokens"),
    [
        (("new",), [ROLE, "renewed", *map(forged, range(MAX_SETS))]),
        ((), [forged(1), ROLE]),
        (DOWN, [forged(1), ROLE]),
        (REFUSED, [ROLE]),
        (RuntimeError("a defect"), [ROLE]),
    ],
    ids=repr,
)
def test_a_secret_is_read_once_in_ten_seconds_beside_the_first_success(
    kept: SecretCache, kms: Kms, clock: Clock, tokens: list[str], outcome: tuple[str, ...] | Exception
) -> None:
    kms.outcome = outcome
    times: list[int] = []
    places = [read_settings({"DEADLINE_MS": "20000"}, region=region) for region in ("cn-shanghai", "cn-beijing")]
    for second in range(int(MAX_AGE_S) + 20):
        for token, early, settings in itertools.product(tokens, (False, True), places):
            with contextlib.suppress(ConfigurationError, SecretUnavailableError, RuntimeError):
                get_secret(kept, early=early, settings=settings, ALIBABA_CLOUD_SECURITY_TOKEN=token)
            times += [second] * (len(kms.asked) - len(times))
        clock.forward(1)
    answered = [isinstance(outcome, tuple) and "forged" not in found.security_token for found in kms.credentials]
    if True in answered:
        del times[answered.index(True)]
    assert len(times) > 2
    assert all(later - earlier >= EVERY_S for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize("every_s", [1, 45])
def test_forged_credentials_do_not_keep_those_that_have_read_from_reading_again(
    kept: SecretCache, kms: Kms, clock: Clock, every_s: int
) -> None:
    assert with_token(kept, ROLE) == ("new", "old")
    found = set()
    for second in range(1_200):
        assert not any(with_token(kept, forged(number), early=True) for number in (second, -second))
        if second % every_s == 0:
            found.add(with_token(kept, ROLE))
        clock.forward(1)
    assert found == {("new", "old")}
    assert sum("forged" in credentials.security_token for credentials in kms.credentials) > 100


def test_a_new_secret_is_found_among_forgeries_within_twenty_seconds(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    get_secret(kept)
    kms.outcome = ("newer", "new")
    for second in range(20):
        with_token(kept, forged(second))
        get_secret(kept, early=True)
        clock.forward(1)
    assert get_secret(kept) == ("newer", "new")


def test_whoever_comes_seldom_is_put_off_once(kept: SecretCache, clock: Clock) -> None:
    get_secret(kept)
    clock.forward(MAX_AGE_S)
    with_token(kept, forged(1))
    with pytest.raises(NotAskedError, match="a moment ago"):
        get_secret(kept)
    clock.forward(EVERY_S + 0.1)
    with_token(kept, forged(2))
    assert get_secret(kept) == ("new", "old")


def test_a_few_sets_of_credentials_are_known_and_those_that_have_read_stay(
    kept: SecretCache, kms: Kms, clock: Clock
) -> None:
    tokens = [ROLE, *(f"role-{number}" for number in range(1, MAX_SETS))]
    for token in [*tokens, *map(forged, range(5))]:
        with_token(kept, token)
        clock.forward(EVERY_S + 0.1)
    before = len(kms.asked)
    assert all(with_token(kept, token) for token in reversed(tokens))
    assert len(kms.asked) == before
    # One more: the one that was not used for the longest time goes.
    assert with_token(kept, "another")
    assert [token for token in tokens if with_token(kept, token)] == tokens[:-1]


def test_requests_side_by_side_share_one_read(kept: SecretCache, kms: Kms) -> None:
    kms.released.clear()
    with side_by_side(kept, 20) as found:
        until(lambda: kms.asked)
        kms.released.set()
    assert found == [("new", "old")] * 20
    assert kms.asked == ["crm"]


def test_nobody_waits_for_anothers_read_beyond_its_own_deadline(kept: SecretCache, kms: Kms) -> None:
    kms.released.clear()
    with side_by_side(kept, 1):
        until(lambda: kms.asked)
        # It is let go only after the wait is over.
        with pytest.raises(SecretUnavailableError, match="not read in time"):
            get_secret(kept, left_s=0.05)
        kms.released.set()


@contextlib.contextmanager
def side_by_side(kept: SecretCache, number: int, *, early: bool = False) -> Iterator[list[Sequence[str]]]:
    """Look up in so many threads, which end with the block."""
    found: list[Sequence[str]] = []
    threads = [threading.Thread(target=lambda: found.append(get_secret(kept, early=early))) for _ in range(number)]
    for thread in threads:
        thread.start()
    yield found
    for thread in threads:
        thread.join()


def until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.001)


def test_whoever_comes_during_an_early_read_gets_what_it_finds(kept: SecretCache, kms: Kms) -> None:
    get_secret(kept)
    kms.outcome = ("newer", "new")
    kms.released.clear()
    with side_by_side(kept, 20, early=True) as found:
        until(lambda: len(kms.asked) == 2)
        kms.released.set()
    assert found == [("newer", "new")] * 20
    assert len(kms.asked) == 2


def test_nobody_waits_for_a_slow_kms_while_what_there_is_will_do(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    get_secret(kept)
    clock.forward(FRESH_S + 1)
    kms.outcome = ("newer", "new")
    kms.released.clear()
    with side_by_side(kept, 20) as found:
        until(lambda: len(found) == 19)
        kms.released.set()
    assert found == [("new", "old")] * 19 + [("newer", "new")]
    assert len(kms.asked) == 2


def test_with_hardly_any_time_left_kms_is_not_asked_and_nothing_is_held_against_it(kept: SecretCache, kms: Kms) -> None:
    for left_s in (-1, 0, SHARE_S / 2 - 0.1):
        with pytest.raises(NotAskedError):
            get_secret(kept, left_s=left_s)
    assert kms.asked == []
    assert get_secret(kept) == ("new", "old")


def test_an_early_read_that_fails_does_not_use_up_the_next(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    get_secret(kept)
    kms.outcome = DOWN
    get_secret(kept, early=True)
    kms.outcome = ("newer", "new")
    clock.forward(EVERY_S + 0.1)
    assert get_secret(kept, early=True) == ("newer", "new")


def test_a_secret_that_is_not_there_yet_is_looked_for_again_soon(kept: SecretCache, kms: Kms, clock: Clock) -> None:
    kms.outcome = ()
    assert get_secret(kept) == get_secret(kept) == ()
    assert len(kms.asked) == 1
    kms.outcome = ("new",)
    clock.forward(EVERY_S + 0.1)
    assert get_secret(kept) == ("new",)
