import threading

import pytest

from local.gateway.worker import Worker


def test_jobs_run_one_after_the_other_in_one_thread() -> None:
    worker: Worker[int] = Worker("test")
    futures = [worker.submit(threading.get_ident) for _ in range(3)]
    assert len({future.result(10) for future in futures} | {threading.get_ident()}) == 2
    worker.stop(10)


@pytest.mark.parametrize("raised", [ValueError("a"), SystemExit(1), KeyboardInterrupt(), StopIteration()])
def test_the_thread_survives_what_a_job_raises(raised: BaseException) -> None:
    def fail() -> int:
        raise raised

    worker: Worker[int] = Worker("test")
    assert worker.submit(fail).exception(10) is raised
    assert worker.submit(lambda: 1).result(10) == 1
    worker.stop(10)


def test_stop_drops_what_has_not_begun() -> None:
    worker: Worker[bool] = Worker("test")
    started, release = threading.Event(), threading.Event()

    def wait() -> bool:
        started.set()
        return release.wait(10)

    running, waiting = worker.submit(wait), worker.submit(lambda: True)
    assert started.wait(10)
    worker.stop()
    release.set()
    assert running.result(10)
    worker.stop(10)
    assert not waiting.done()
