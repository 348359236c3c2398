from __future__ import annotations

import threading
import time

import pytest

from shared.clients.deadline import OverdueError, run_within


def test_the_result_is_returned() -> None:
    assert run_within(lambda: 42, time.monotonic() + 10) == 42


@pytest.mark.parametrize("error", [ValueError("own"), TimeoutError(), SystemExit(1)])
def test_what_the_work_raises_is_raised(error: BaseException) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        run_within(work, time.monotonic() + 10)


def test_work_that_hangs_is_left_behind() -> None:
    release = threading.Event()
    began = time.monotonic()

    with pytest.raises(OverdueError):
        run_within(lambda: release.wait(10), began + 0.05)

    assert time.monotonic() - began < 5
    release.set()


def test_a_thread_that_never_begins_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that fails for want of memory before it has told that it runs."""
    monkeypatch.setattr(threading.Thread, "_bootstrap", lambda _thread: None)
    began = time.monotonic()

    with pytest.raises(OverdueError):
        run_within(lambda: 42, began + 0.2)

    assert time.monotonic() - began < 5


def test_nothing_begins_after_the_deadline() -> None:
    begun: list[bool] = []

    with pytest.raises(OverdueError):
        run_within(lambda: begun.append(True), time.monotonic())

    assert begun == []


def test_a_result_of_the_last_moment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    class LastMoment(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            super().wait(10)
            return timeout is None

    monkeypatch.setattr(threading, "Event", LastMoment)

    assert run_within(lambda: 42, time.monotonic() + 10) == 42
