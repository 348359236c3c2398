"""`make bench`: everything that is measured, in one run, against the documented way and the floor; then a soak.

With `--write` the figures go to `docs/performance.md`, `docs/performance.json` and `docs/performance.svg`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.bench import cold, imports, soak, strangers, subjects, throughput
from local.bench.report import markdown, plot
from local.bench.running import upstream
from local.bench.subjects import OURS, ROOT
from local.cli.command_line import run

_DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the tables; return 1 if the soak fails, whatever the figures are."""
    options = _parser().parse_args(arguments)
    figures = _measure(options)
    sys.stdout.write(markdown(figures) + "\n")
    if options.write:
        _write(figures)
    if not options.soak:
        return 0
    sys.stdout.write("\n")
    sys.stdout.flush()
    return soak.main(["--seconds", str(options.soak)])


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    callers = tuple(int(number) for number in options.callers.split(","))
    with tempfile.TemporaryDirectory() as scratch:
        _say("build")
        built = subjects.build(Path(scratch))
        with upstream(0) as environment:
            _say("cold starts")
            starts = cold.measure(built, options.cold, options.warm, environment)
            _say("steps")
            steps = _steps(options.warm * 100, environment)
            _say("imports")
            profile = imports.measure(built[OURS], environment)
            _say("strangers")
            strange = {row.name: row.ratio for row in strangers.measure()}
            _say("growth")
            grown = cold.growth(built[OURS], options.growth, environment)
        with upstream(options.wait_ms) as environment:
            _say("throughput")
            loads = throughput.measure(built[OURS], callers, options.seconds, environment)
    return {
        "run": {
            "python": sys.version.split()[0],
            "cores": os.cpu_count(),
            "cold": options.cold,
            "warm": options.warm,
            "growth": options.growth,
            "wait_ms": options.wait_ms,
        },
        "cold": {name: row._asdict() for name, row in starts.items()},
        "steps": steps,
        "imports": profile,
        "growth": grown,
        "strangers": strange,
        "throughput": {
            name: {str(count): row._asdict() for count, row in rows.items()} for name, rows in loads.items()
        },
        "size": {name: subject.size for name, subject in built.items()},
    }


def _steps(count: int, environment: Mapping[str, str]) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-m", "local.bench.steps", str(count)]
    done = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own module
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _write(figures: Mapping[str, Any]) -> None:
    rounded = json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))
    _DOCUMENT.with_suffix(".json").write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    _DOCUMENT.with_suffix(".svg").write_text(plot(rounded), encoding="utf-8")
    _DOCUMENT.write_text(with_figures(_DOCUMENT.read_text(encoding="utf-8"), rounded), encoding="utf-8")


def with_figures(document: str, figures: Mapping[str, Any]) -> str:
    """Return the document with the tables of these figures between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{markdown(figures)}\n{END}{after}"


def _say(what: str) -> None:
    sys.stderr.write(f"{what} …\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    add = parser.add_argument
    add("--cold", type=int, default=15, help="cold starts of each (default: %(default)s)")
    add("--warm", type=int, default=50, help="warm invocations after each (default: %(default)s)")
    add("--growth", type=int, default=10_000, help="requests over which memory is watched (default: %(default)s)")
    add("--seconds", type=float, default=6, help="of each load (default: %(default)s)")
    add("--callers", default="1,10,50,100", help="at a time, for the loads (default: %(default)s)")
    add("--wait-ms", type=float, default=50, help="of the upstream under load (default: %(default)s)")
    add("--soak", type=float, default=60, help="seconds of the soak, 0 for none (default: %(default)s)")
    add("--write", action="store_true", help="write docs/performance.{md,json,svg}")
    return parser


if __name__ == "__main__":
    run(main)
