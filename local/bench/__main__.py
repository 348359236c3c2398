"""`make bench`: measures everything in one run, compared with the documented way and the floor, then a soak test.

With `--write` the figures go to `docs/performance.md` and `docs/performance.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.bench import cold, imports, load, soak, strangers, subjects
from local.bench.report import markdown
from local.bench.running import upstream
from local.bench.subjects import OURS, ROOT
from local.cli.command_line import run

_DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the tables; return 1 if the soak fails. The figures do not affect the exit code."""
    options = _parser().parse_args(arguments)
    figures = json.loads(json.dumps(_measure(options)), parse_float=lambda text: round(float(text), 4))
    sys.stdout.write(markdown(figures) + "\n")
    if options.write:
        _DOCUMENT.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        _DOCUMENT.write_text(with_figures(_DOCUMENT.read_text(encoding="utf-8"), figures), encoding="utf-8")
    if not options.soak:
        return 0
    sys.stdout.flush()
    return soak.main(["--seconds", str(options.soak)])


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    callers = [int(number) for number in options.callers.split(",")]
    with tempfile.TemporaryDirectory() as folder, upstream(0) as environment, upstream(options.wait_ms) as waiting:
        _say("build")
        built = subjects.build(Path(folder))
        _say("cold starts")
        starts = cold.measure(built, options.cold, options.warm)
        beside = []
        for python in options.beside:
            _say(f"cold starts of {python}")
            beside.append(cold.measure_with(python, options.cold, options.warm))
        _say("growth, imports, strangers")
        return {
            "run": {"python": sys.version.split()[0], "cores": os.cpu_count(), **_without_paths(options)},
            "cold": starts,
            "beside": beside,
            "size": {name: subject.size for name, subject in built.items()},
            "growth": cold.growth(built[OURS], options.growth, environment),
            "imports": imports.measure(built[OURS], environment),
            "strangers": strangers.measure(),
            "load": load.measure(built[OURS], callers, options.seconds, waiting),
        }


def _without_paths(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name != "beside"}


def with_figures(document: str, figures: Mapping[str, Any]) -> str:
    """Return the document, with these figures as tables between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{markdown(figures)}\n{END}{after}"


def _say(what: str) -> None:
    sys.stderr.write(f"{what} …\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    add = parser.add_argument
    add("--cold", type=int, default=15, help="cold starts of each (default: %(default)s)")
    add("--warm", type=int, default=200, help="warm requests after each (default: %(default)s)")
    add("--growth", type=int, default=10_000, help="requests over which memory is watched (default: %(default)s)")
    add("--seconds", type=float, default=6, help="seconds of each load (default: %(default)s)")
    add("--callers", default="1,10,50,100", help="numbers of callers at a time, for the loads (default: %(default)s)")
    add("--wait-ms", type=float, default=50, help="wait of the upstream under load (default: %(default)s)")
    add("--soak", type=float, default=60, help="seconds of the soak, 0 for none (default: %(default)s)")
    add("--beside", nargs="*", default=[], metavar="PYTHON", help="of other environments, for their cold starts")
    add("--write", action="store_true", help="write docs/performance.{md,json}")
    return parser


if __name__ == "__main__":
    run(main)
