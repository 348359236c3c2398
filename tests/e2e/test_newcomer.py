"""A newcomer's path, on a clean clone with a cold cache: `make demo`, `make run`, and the command that it prints."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contract.running import serving

ROOT = Path(__file__).parents[2]
DEMO_WITHIN_S = 120
# Before the tests' own environment: pip may need the proxy.
SHELL = dict(os.environ)
UNREACHABLE = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError")
PYTHON = f"PYTHON={os.path.realpath(sys.executable)}"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ROOT.joinpath(".git").exists(), reason="what a clone has, git tells"),
    pytest.mark.skipif(
        not all(map(shutil.which, ("git", "make", "curl", "bash"))),
        reason="no git, make or curl here: apt install git make curl",
    ),
]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone would have if all that lies here were committed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")  # noqa: S603 - no shell
    for name in filter(None, names):
        if ROOT.joinpath(name).is_file():
            tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def make(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # Not of the make or of the environment that runs this test.
    outer = ("MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHON")
    environment = {name: value for name, value in SHELL.items() if not name.startswith(outer)}
    cold = {"PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "1", "PIP_DEFAULT_TIMEOUT": "15"}
    command = ["make", *words, PYTHON]
    return subprocess.run(  # noqa: S603 - our own Makefile
        command, cwd=clone, env=environment | cold, capture_output=True, text=True, timeout=600, check=False
    )


def processor_s() -> float:
    """Return the processor time of all processes that this one has seen end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.timeout(900)
def test_a_newcomer_sees_the_demo_in_two_minutes_and_mutes_by_the_command_that_run_prints(clone: Path) -> None:
    began, used = time.monotonic(), processor_s()
    demo = make(clone, "demo")
    # While other tests keep the machine busy the clock tells their time, too: then what it took of a processor counts.
    took = min(time.monotonic() - began, processor_s() - used)
    if demo.returncode and UNREACHABLE.search(demo.stderr):
        pytest.skip("the package index cannot be reached")
    assert demo.returncode == 0, demo.stderr
    assert "200 muted" in demo.stdout
    assert took < DEMO_WITHIN_S

    # Installed by now: what is left of the target is its command.
    command = make(clone, "--dry-run", "run").stdout.strip()
    python, arguments = command.split(" ", 1)
    assert clone.joinpath(python).is_file()
    run = f"{clone / python} {arguments} --gateway-port 0 --simulator-port 0"
    with serving(run, clone) as printed:
        copied = next(line for line in printed.splitlines() if line.startswith("curl "))
        answer = subprocess.run(["bash", "-c", copied], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603, S607 - what was printed
    assert json.loads(answer.stdout)["status"] == "muted"
