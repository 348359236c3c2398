"""What a cold start imports, and how long each package takes: Python's own `-X importtime`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping

from local.bench.subjects import Subject

_LINE = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")


def measure(subject: Subject, environment: Mapping[str, str]) -> dict[str, float]:
    """Return the milliseconds that each package of a subject's import takes by itself, the longest first.

    Modules of the standard library count together.
    """
    code = f"import sys; sys.path.insert(0, {str(subject.folder)!r}); import index"
    command = [sys.executable, "-I", "-S", "-B", "-W", "ignore", "-X", "importtime", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - our own package
    return by_package(done.stderr)


def by_package(text: str) -> dict[str, float]:
    """Sum up what `-X importtime` has printed."""
    found: Counter[str] = Counter()
    for microseconds, module in _LINE.findall(text):
        package = module.partition(".")[0]
        found["standard library" if package in sys.stdlib_module_names else package] += int(microseconds)
    return {name: total / 1000 for name, total in found.most_common()}
