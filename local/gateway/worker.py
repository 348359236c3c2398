"""One thread that runs jobs one after the other, and that can be left behind when a job never ends."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Worker(Generic[Result]):
    """A separate thread; daemonic, because Python cannot end the thread of a job that hangs."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Result], Future[Result]] | None] = queue.SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], Result]) -> "Future[Result]":
        """Queue a job; the future gets its result or its exception, including `SystemExit`."""
        future: Future[Result] = Future()
        self._jobs.put((job, future))
        return future

    def stop(self, grace: float = 0) -> None:
        """Drop the jobs that have not begun and wait up to `grace` seconds for the one that runs."""
        self._stopped = True
        self._jobs.put(None)
        self._thread.join(grace)

    def _run(self) -> None:
        while (item := self._jobs.get()) is not None and not self._stopped:
            job, future = item
            try:
                future.set_result(job())
            except BaseException as exception:  # noqa: BLE001 - nothing a function raises may end the thread
                future.set_exception(exception)
            # Otherwise the last result stays in memory while the thread waits for the next job.
            del item, job, future
