"""Cold starts: a new process per run. The subjects take turns, so a slow minute of the machine affects all of them.

CPU time is compared: on a quarter of a core it decides how long a caller waits, and a busy machine changes it least.

`python -m local.bench.cold RUNS WARM` prints the figures of the Python that runs it as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from local.bench.running import EVENT, upstream, upstream_over_tls
from local.bench.subjects import DOCUMENTED_BARE, FLOOR, ROOT, Subject, build

_PROCESS = Path(__file__).with_name("process.py")
HTTP, HTTPS, HTTPS_FILE = "HTTP", "HTTPS", "HTTPS, SSL_CERT_FILE"
Figures = dict[str, float]


def measure(subjects: Mapping[str, Subject], runs: int, warm: int) -> dict[str, dict[str, Figures]]:
    """Return the medians of each subject's cold starts, by what the upstream is called with.

    They are `wall_ms` from the process's start to its first answer, `cpu_ms` and `peak_mb` that it has used by then,
    and `warm_cpu_ms` of a later request.

    Args:
        subjects: by name.
        runs: cold starts of each.
        warm: requests of each run beyond the first.
    """
    found: dict[str, dict[str, list[Figures]]] = {}
    with upstream(0) as http, upstream_over_tls() as (https, with_file):
        ways = {HTTP: http, HTTPS: https, HTTPS_FILE: with_file}
        for _ in range(runs):
            for way, environment in ways.items():
                for name, subject in subjects.items():
                    # Without bytecode, a run over TLS would show nothing new.
                    if way == HTTP or name != DOCUMENTED_BARE:
                        some = found.setdefault(way, {}).setdefault(name, [])
                        some.append(_start(subject.folder, _few(warm, way, name), environment))
    return {way: {name: _medians(some) for name, some in rows.items()} for way, rows in found.items()}


def _few(warm: int, way: str, name: str) -> int:
    """Return how many warm requests are enough.

    The floor keeps no connection: over TLS two hundred of its requests take eight seconds of CPU time, after which a
    machine may slow down whoever comes next.
    """
    return max(1, warm // 20) if name == FLOOR and way != HTTP else warm


def measure_with(python: str, runs: int, warm: int) -> dict[str, Any]:
    """Return what another Python with this project's environment measures: `python`, its version, and `cold`."""
    command = [python, "-m", "local.bench.cold", str(runs), str(warm)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)  # noqa: S603 - a Python of the command line
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def growth(subject: Subject, count: int, environment: Mapping[str, str]) -> Figures:
    """Return the memory growth of one process per request, after a warm-up of a quarter of the requests.

    Args:
        subject: whose process.
        count: requests over which it is measured.
        environment: of the process.
    """
    after = count // 4
    result = _run(subject.folder, after + count, after, environment)
    return {key: (result["after"][key] - result["before"][key]) / count for key in ("blocks", "bytes")}


def _medians(some: list[Figures]) -> Figures:
    return {key: median(each[key] for each in some) for key in some[0]}


def _start(folder: Path, warm: int, environment: Mapping[str, str]) -> Figures:
    began = time.monotonic()
    result = _run(folder, 1 + warm, -1, environment)
    return {
        "wall_ms": (result["first"] - began) * 1000,
        "cpu_ms": result["cpu"] * 1000,
        "peak_mb": result["peak"] / 1e6,
        "warm_cpu_ms": result["later_cpu"] / warm * 1000,
    }


def _run(folder: Path, count: int, after: int, environment: Mapping[str, str]) -> dict[str, Any]:
    # `-B` keeps the folder without bytecode, like a read-only folder.
    command = [sys.executable, "-I", "-S", "-B", "-W", "ignore", str(_PROCESS), str(folder), str(count), str(after)]
    done = subprocess.run(command, env=environment, input=EVENT.read_bytes(), stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own script
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        found = measure(build(Path(made)), int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(json.dumps({"python": sys.version.split()[0], "cold": found}))
