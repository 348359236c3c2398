"""For how long a secret of KMS is trusted, and how often KMS is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from shared import idle
from shared.context import Credentials
from shared.kept_secrets import EARLY_EVERY_S, FRESH_S, MAX_AGE_S, PAUSE_S, SHARE, KeptSecrets
from shared.problems import ConfigurationError
from shared.secret_references import NotAskedError, SecretUnavailableError
from shared.settings import Settings, read_settings
from tests.builders import Context312, environment

SETTINGS = read_settings({"DEADLINE_MS": "20000"}, region="cn-shanghai")
SHARE_S = 20 * SHARE
DOWN = SecretUnavailableError("kms:crm: KMS does not answer: LostError")


@dataclass
class Kms:
    """Stands in for KMS: notes who is asked for, and returns or raises its outcome."""

    outcome: tuple[str, ...] | Exception = ("new", "old")
    asked: list[str] = field(default_factory=list)
    credentials: list[Credentials] = field(default_factory=list)
    wait_s: float = 0

    def read(self, name: str, credentials: Credentials, _settings: Settings, _deadline: float) -> tuple[str, ...]:
        self.asked.append(name)
        self.credentials.append(credentials)
        time.sleep(self.wait_s)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Clock:
    """Both clocks of this machine, put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed_s = 0.0
        real = idle._clocks  # noqa: SLF001 - the one place that reads them
        monkeypatch.setattr(idle, "_clocks", lambda: tuple(value + self.passed_s for value in real()))

    def forward(self, seconds: float) -> None:
        self.passed_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def kms() -> Kms:
    return Kms()


@pytest.fixture
def kept(kms: Kms) -> KeptSecrets:
    return KeptSecrets(kms.read)


def look_up(
    kept: KeptSecrets, reference: str = "kms:crm", *, early: bool = False, left_s: float = SHARE_S, **environ: str
) -> Sequence[str]:
    started = time.monotonic() + left_s - SHARE_S
    return kept.lookup(environment(**environ), Context312(), SETTINGS, started, early=early)(reference)


def test_a_variable_needs_no_kms(kept: KeptSecrets, kms: Kms) -> None:
    assert look_up(kept, "env:A", A="a") == ("a",)
    assert look_up(kept, "env:B") == ()
    assert kms.asked == []


def test_a_secret_is_read_once_for_minutes(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    assert look_up(kept) == ("new", "old")
    clock.forward(FRESH_S - 1)
    assert look_up(kept) == ("new", "old")
    assert look_up(kept, "kms:other") == ("new", "old")
    assert kms.asked == ["crm", "other"]


def test_it_is_read_again_when_it_has_come_to_its_age(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    look_up(kept)
    clock.forward(FRESH_S + 1)
    kms.outcome = ("newer", "new")
    assert look_up(kept) == ("newer", "new")


def test_a_kms_that_is_down_is_bridged_up_to_five_minutes_and_no_longer(
    kept: KeptSecrets, kms: Kms, clock: Clock
) -> None:
    look_up(kept)
    kms.outcome = DOWN
    clock.forward(FRESH_S + 1)
    assert look_up(kept) == ("new", "old")
    clock.forward(MAX_AGE_S - FRESH_S - 2)
    assert look_up(kept) == ("new", "old")
    clock.forward(2)
    with pytest.raises(SecretUnavailableError):
        look_up(kept)
    assert MAX_AGE_S == 300


@pytest.mark.parametrize("failure", [DOWN, ConfigurationError("kms:crm: KMS answered NoPermission with HTTP 403")])
def test_nothing_is_guessed_where_kms_gives_nothing(kept: KeptSecrets, kms: Kms, failure: Exception) -> None:
    kms.outcome = failure
    with pytest.raises(type(failure)) as caught:
        look_up(kept)
    assert str(caught.value) == str(failure)


def test_a_kms_that_fails_is_left_alone_for_a_while(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    kms.outcome = DOWN
    for _ in range(3):
        with pytest.raises(SecretUnavailableError):
            look_up(kept, early=True)
    assert kms.asked == ["crm"]
    kms.outcome = ("new",)
    clock.forward(PAUSE_S + 0.1)
    assert look_up(kept) == ("new",)


def test_a_wrong_credential_has_it_read_early_and_only_so_often(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    look_up(kept)
    kms.outcome = ("newer", "new")
    assert look_up(kept) == ("new", "old")
    assert look_up(kept, early=True) == ("newer", "new")
    for _ in range(100):
        look_up(kept, early=True)
    assert len(kms.asked) == 2
    clock.forward(EARLY_EVERY_S + 0.1)
    look_up(kept, early=True)
    assert len(kms.asked) == 3


def test_an_early_read_that_fails_takes_nothing_away(kept: KeptSecrets, kms: Kms) -> None:
    look_up(kept)
    kms.outcome = DOWN
    assert look_up(kept, early=True) == ("new", "old")


def test_a_secret_that_was_taken_away_is_gone(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    look_up(kept)
    kms.outcome = ()
    clock.forward(FRESH_S + 1)
    assert look_up(kept) == ()


@pytest.mark.parametrize("clock_name", ["monotonic", "time"])
def test_an_instance_that_was_frozen_does_not_trust_what_it_holds(
    kept: KeptSecrets, kms: Kms, monkeypatch: pytest.MonkeyPatch, clock_name: str
) -> None:
    look_up(kept)
    kms.outcome = DOWN
    real = getattr(time, clock_name)
    later = real() + 3_600
    monkeypatch.setattr(time, clock_name, lambda: later)
    with pytest.raises(SecretUnavailableError, match="LostError"):
        look_up(kept)


def test_the_credentials_are_those_of_the_invocation_that_reads(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    look_up(kept)
    clock.forward(FRESH_S + 1)
    look_up(kept, ALIBABA_CLOUD_SECURITY_TOKEN="renewed")
    assert [credentials.security_token for credentials in kms.credentials] == ["local-token", "renewed"]


def test_an_invocation_without_credentials_spoils_nothing_for_the_next(kept: KeptSecrets) -> None:
    with pytest.raises(ConfigurationError, match="no role credentials"):
        look_up(kept, ALIBABA_CLOUD_ACCESS_KEY_ID="")
    assert look_up(kept) == ("new", "old")
    assert look_up(kept, ALIBABA_CLOUD_ACCESS_KEY_ID="") == ("new", "old")


def test_requests_side_by_side_share_one_read(kept: KeptSecrets, kms: Kms) -> None:
    kms.wait_s = 0.2
    assert side_by_side(kept, 20, early=False) == [("new", "old")] * 20
    assert kms.asked == ["crm"]


def test_nobody_waits_for_anothers_read_beyond_its_own_deadline(kept: KeptSecrets, kms: Kms) -> None:
    kms.wait_s = 2
    reader = threading.Thread(target=lambda: look_up(kept))
    reader.start()
    while not kms.asked:
        time.sleep(0.001)
    began = time.monotonic()
    with pytest.raises(SecretUnavailableError, match="not read in time"):
        look_up(kept, left_s=0.05)
    assert time.monotonic() - began < 1.5
    reader.join()


def side_by_side(kept: KeptSecrets, number: int, *, early: bool) -> list[Sequence[str]]:
    found: list[Sequence[str]] = []
    threads = [threading.Thread(target=lambda: found.append(look_up(kept, early=early))) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_whoever_comes_during_an_early_read_gets_what_it_finds(kept: KeptSecrets, kms: Kms) -> None:
    look_up(kept)
    kms.outcome, kms.wait_s = ("newer", "new"), 0.2
    assert side_by_side(kept, 20, early=True) == [("newer", "new")] * 20
    assert len(kms.asked) == 2


def test_nobody_waits_for_a_slow_kms_while_what_there_is_will_do(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    look_up(kept)
    clock.forward(FRESH_S + 1)
    kms.outcome, kms.wait_s = ("newer", "new"), 0.5
    found = side_by_side(kept, 20, early=False)
    assert sorted(map(tuple, found)) == [("new", "old")] * 19 + [("newer", "new")]
    assert len(kms.asked) == 2


def test_with_hardly_any_time_left_kms_is_not_asked_and_nothing_is_held_against_it(kept: KeptSecrets, kms: Kms) -> None:
    for left_s in (-1, 0, SHARE_S / 2 - 0.1):
        with pytest.raises(NotAskedError):
            look_up(kept, left_s=left_s)
    assert kms.asked == []
    assert look_up(kept) == ("new", "old")


def test_an_early_read_that_fails_does_not_use_up_the_next(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    look_up(kept)
    kms.outcome = DOWN
    look_up(kept, early=True)
    kms.outcome = ("newer", "new")
    clock.forward(PAUSE_S + 0.1)
    assert look_up(kept, early=True) == ("newer", "new")


def test_a_secret_that_is_not_there_yet_is_looked_for_again_soon(kept: KeptSecrets, kms: Kms, clock: Clock) -> None:
    kms.outcome = ()
    assert look_up(kept) == look_up(kept) == ()
    assert len(kms.asked) == 1
    kms.outcome = ("new",)
    clock.forward(EARLY_EVERY_S + 0.1)
    assert look_up(kept) == ("new",)
