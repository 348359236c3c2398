"""Starts Python as an operator would: in a process of its own, without a developer's proxy or SDK settings."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
# The SDK honours proxies and ignores NO_PROXY: a call to 127.0.0.1 would leave the machine. DEBUG prints requests.
# Without buffers a missing flush of the ready line would not show.
UNWANTED = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "DEBUG", "PYTHONUNBUFFERED")


def environment(**changes: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in UNWANTED and not name.startswith(("SIMULATOR_", "ALIBABA_CLOUD_"))
    }
    return {**kept, **changes}


@contextmanager
def python(*arguments: str, **changes: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(**changes),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run(*arguments: str, **changes: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error."""
    with python(*arguments, **changes) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err
