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
    assert len(names) == 8
    assert {row[4].strip(" |") for row in printed["figure"]} <= {"aim met", "met", "NOT met"}
    assert "custom runtime, 2 callers: throughput ÷ the limit of one core" in names


def test_every_subject_is_measured(printed: dict[str, list[list[str]]]) -> None:
    rows = {name: [number(cell.strip(" |")) for cell in cells] for name, *cells in printed["subject"]}
    subjects = ["this function", "documented way, bytecode", "documented way, no bytecode", "standard library alone"]
    assert list(rows) == subjects
    ours, compiled, bare, floor = (rows[name] for name in subjects)
    # No figure of time is compared here: but what is measured has to be what it is called.
    assert ours[-1] < bare[-1] < compiled[-1]
    assert 15 < floor[2] < ours[2] < compiled[2]


def test_the_other_tables_have_their_rows(printed: dict[str, list[list[str]]]) -> None:
    assert [tuple(row[:2]) for row in printed["runtime"]] == [
        ("built-in", "1"),
        ("built-in", "2"),
        ("custom", "1"),
        ("custom", "2"),
        ("custom, by waitress", "1"),
        ("custom, by waitress", "2"),
    ]
    *steps, own = (number(row[1].strip(" |")) for row in printed["step"])
    call = next(number(row[1].strip(" |")) for row in printed["step"] if row[0] == "the SDK's call")
    assert own == pytest.approx(sum(steps) - call, abs=0.01)
    assert {"pydantic", "shared", "standard library"} <= {row[0] for row in printed["package"]}
