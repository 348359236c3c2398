"""Work that may hang, bounded by the wall clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

Result = TypeVar("Result")


class OverdueError(Exception):
    """The work was not done in time; it may go on in the thread left behind."""


def run(work: Callable[[], Result], deadline: float) -> Result:
    """Return what `work` returns, or raise what it raises.

    It runs in a thread of its own, so that nothing, not even a name server that is silent, can hold the caller.

    Args:
        work: what to do; it may be left behind, and then ends by itself.
        deadline: by `time.monotonic()`.

    Raises:
        OverdueError: the deadline has come first.
    """
    done: Future[Result] = Future()

    def fulfil() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            done.set_exception(error)

    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise OverdueError
    threading.Thread(target=fulfil, daemon=True).start()
    try:
        return done.result(timeout=left_s)
    except FutureTimeoutError:
        if done.done():
            # In the last moment, or the work's own timeout.
            return done.result()
        raise OverdueError from None
