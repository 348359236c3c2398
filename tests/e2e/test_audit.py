"""`make audit` as a process, on a copy of the repository with a fault in it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.audit.secrets import BASELINE

ROOT = Path(__file__).parent.parent.parent
TIMEOUT_S = 120
GIT = shutil.which("git")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("unmeasured"),
    pytest.mark.skipif(GIT is None, reason="needs git"),
]

# Put together here: this file is scanned, too.
KEY = "LTA" + "I5tFq8Zk2mWx9RbVn4cTyu"
PLACES = (
    "s.yaml",
    "README.md",
    "shared/settings.py",
    "functions/mute_call/callers.toml",
    "local/demo/run.py",
    "docs/deploy.md",
    "events/direct.json",
    "tests/builders.py",
    "requirements/function.in",
    # Not there yet.
    "shared/new.py",
    ".env",
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    left_out = shutil.ignore_patterns(".git", ".venv", "dist", "__pycache__", ".*_cache", ".coverage*", ".hypothesis")
    shutil.copytree(ROOT, tmp_path, ignore=left_out, dirs_exist_ok=True)
    subprocess.run([str(GIT), "init", "-q"], cwd=tmp_path, check=True)  # noqa: S603 - of the machine
    return tmp_path


@pytest.fixture
def nowhere() -> Iterator[str]:
    """Where no service listens, and no other process can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1/query"


def audit(root: Path, service: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "local.audit", "--service", service],
        cwd=root,
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_a_planted_key_is_found_in_every_folder_and_fails_the_audit(copy: Path, nowhere: str) -> None:
    for name in PLACES:
        with copy.joinpath(name).open("a", encoding="utf-8") as file:
            file.write(f"\n# {KEY}\n")
    done = audit(copy, nowhere)
    assert done.returncode == 1, done.stderr
    found = re.findall(r"^  FOUND (\S+):\d+: Alibaba Cloud Credential$", done.stdout, re.MULTILINE)
    assert sorted(found) == sorted(PLACES)
    assert KEY not in done.stdout + done.stderr


def test_without_a_network_that_is_said_and_the_other_checks_are_made(copy: Path, nowhere: str) -> None:
    # Fewer files take less time; a broken check does not keep the others from being made.
    shutil.rmtree(copy / "tests")
    copy.joinpath(BASELINE).unlink()
    done = audit(copy, nowhere)
    assert done.returncode == 2
    first, second = done.stdout.splitlines()
    assert re.match(r"vulnerabilities +not checked: ", first)
    assert second.startswith("licences ")
    assert done.stderr.startswith("error: ")
    assert BASELINE in done.stderr
    assert "Traceback" not in done.stderr


def test_make_check_audits() -> None:
    shown = subprocess.run(  # noqa: S603 - our own Makefile
        ["make", "--dry-run", "check", f"PYTHON={sys.executable}"],  # noqa: S607 - of the machine
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert "-m local.audit" in shown.stdout
