"""Runs work that may hang, limited by the wall clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast

Result = TypeVar("Result")


class OverdueError(Exception):
    """The work was not done in time; it may go on in the thread left behind."""


class _Begun(threading.Event):
    """What a thread sets once it runs, waited for no longer than the work itself: without memory it may never."""

    def __init__(self, left_s: float) -> None:
        super().__init__()
        self._left_s = left_s

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(self._left_s if timeout is None else timeout)


def run_within(work: Callable[[], Result], deadline: float) -> Result:
    """Return what `work` returns, or raise what it raises.

    It runs in a thread of its own, so that nothing, not even a name server that is silent, can hold the caller.

    Args:
        work: what to do; it may be left behind, and then ends by itself.
        deadline: by `time.monotonic()`.

    Raises:
        OverdueError: the deadline has come first.
        RuntimeError: there is no thread for it.
    """
    result: Result | None = None
    failure: BaseException | None = None
    ended = threading.Event()

    def fulfil() -> None:
        nonlocal result, failure
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failure = error
        ended.set()

    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise OverdueError
    thread = threading.Thread(target=fulfil, daemon=True)
    # Python offers no other way to bound `start`, which waits for it.
    thread._started = _Begun(left_s)  # type: ignore[attr-defined] # noqa: SLF001
    thread.start()
    # What ends in the last moment counts.
    if not ended.wait(max(0.0, deadline - time.monotonic())) and not ended.is_set():
        raise OverdueError
    if failure is None:
        return cast("Result", result)
    try:
        raise failure
    finally:
        # Its frames refer to this one, which refers to it.
        failure = None
