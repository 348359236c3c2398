from __future__ import annotations

import time

import pytest

from shared.clients.idle import MAX_IDLE_S, LastUse


@pytest.mark.parametrize("clock", ["monotonic", "time"])
@pytest.mark.parametrize(("seconds", "expected"), [(MAX_IDLE_S - 1, False), (MAX_IDLE_S + 1, True)])
def test_either_clock_tells_that_a_connection_was_idle(
    monkeypatch: pytest.MonkeyPatch, clock: str, seconds: float, *, expected: bool
) -> None:
    now = getattr(time, clock)()
    last = LastUse()
    monkeypatch.setattr(time, clock, lambda: now + seconds)

    assert last.is_long_ago() is expected


def test_a_clock_that_was_put_back_tells_nothing_good() -> None:
    now = time.time()
    last = LastUse()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now - 3_600)
        assert last.is_long_ago()
