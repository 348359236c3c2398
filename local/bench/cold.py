"""Cold starts: a new process per run, the subjects in turn, so that a slow minute of the machine meets them all."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from local.bench.running import EVENT
from local.bench.subjects import Subject

_PROCESS = Path(__file__).with_name("process.py")


class Cold(NamedTuple):
    """Medians of one subject's cold starts.

    Attributes:
        wall_ms: from the process's start to its first answer.
        cpu_ms: that it has used by then.
        peak_mb: the most memory that it has had by then.
        warm_ms: a later invocation.
        warm_cpu_ms: CPU time of a later invocation.
    """

    wall_ms: float
    cpu_ms: float
    peak_mb: float
    warm_ms: float
    warm_cpu_ms: float


def measure(subjects: Mapping[str, Subject], runs: int, warm: int, environment: Mapping[str, str]) -> dict[str, Cold]:
    """Return the medians of each subject.

    Args:
        subjects: by name.
        runs: cold starts of each.
        warm: invocations of each run beyond the first.
        environment: of the processes.
    """
    found: dict[str, list[Cold]] = {name: [] for name in subjects}
    for _ in range(runs):
        for name, subject in subjects.items():
            found[name].append(_start(subject.folder, warm, environment))
    return {name: Cold(*(median(values) for values in zip(*some, strict=True))) for name, some in found.items()}


def growth(subject: Subject, count: int, environment: Mapping[str, str]) -> dict[str, float]:
    """Return by how much the memory of one process grows per request, after a warm-up of a quarter of them.

    Args:
        subject: whose process.
        count: requests over which it is measured.
        environment: of the process.
    """
    after = count // 4
    result = _run(subject.folder, after + count, after, environment)
    return {key: (result["after"][key] - result["before"][key]) / count for key in ("blocks", "bytes")}


def _start(folder: Path, warm: int, environment: Mapping[str, str]) -> Cold:
    began = time.monotonic()
    result = _run(folder, 1 + warm, -1, environment)
    wall_ms = (result["first"] - began) * 1000
    return Cold(
        wall_ms=wall_ms,
        cpu_ms=result["cpu"] * 1000,
        peak_mb=result["peak"] / 1e6,
        warm_ms=median(result["seconds"][1:]) * 1000,
        warm_cpu_ms=result["later_cpu"] / warm * 1000,
    )


def _run(folder: Path, count: int, after: int, environment: Mapping[str, str]) -> dict[str, Any]:
    # `-B`: a folder without bytecode stays so, as where it is read-only.
    command = [sys.executable, "-I", "-S", "-B", "-W", "ignore", str(_PROCESS), str(folder), str(count), str(after)]
    done = subprocess.run(command, env=environment, input=EVENT.read_bytes(), stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own script
    result: dict[str, Any] = json.loads(done.stdout)
    return result
