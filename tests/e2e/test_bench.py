"""`make bench`, with as little of everything as it can measure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.documents import tables

ROOT = Path(__file__).parents[2]
LITTLE = {"cold": "1", "warm": "2", "growth": "20", "seconds": "0.3", "callers": "1,2", "wait-ms": "5", "soak": "0"}

# It builds all that is compared.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unmeasured"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def printed() -> dict[str, list[list[str]]]:
    options = [f"--{name}={value}" for name, value in LITTLE.items()]
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "local.bench", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return tables(done.stdout)


def number(cell: str) -> float:
    return float(cell.strip("*").split()[0].replace(",", ""))


def test_everything_is_held_to_its_bar(printed: dict[str, list[list[str]]]) -> None:
    names = [row[0] for row in printed["figure"]]
    assert len(names) == 10
    assert {row[4].strip(" |") for row in printed["figure"]} <= {"aim met", "met", "NOT met"}
    assert "custom runtime, 2 callers: throughput ÷ the limit of one core" in names


def test_every_subject_is_measured(printed: dict[str, list[list[str]]]) -> None:
    subjects = ["this function", "documented way, bytecode", "documented way, no bytecode", "standard library alone"]
    rows = {(way, name): number(peak.strip(" |")) for way, name, _, _, peak, _ in printed["upstream over"]}
    over_tls = [(way, name) for way in ("HTTPS", "HTTPS, SSL_CERT_FILE") for name in subjects if "no by" not in name]
    assert list(rows) == [*(("HTTP", name) for name in subjects), *over_tls]
    # No figure of time is compared here: but what is measured has to be what it is called.
    assert 15 < rows["HTTP", subjects[3]] < rows["HTTP", subjects[0]] < rows["HTTP", subjects[1]]
    assert {"pydantic", "shared", "standard library"} <= {row[0] for row in printed["package"]}
