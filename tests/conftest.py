"""What every test starts from: an environment without anything of the developer's shell."""

from __future__ import annotations

import importlib
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from local.package.checkout import MARKER

_PREFIXES = (
    "ALIBABA_CLOUD_",
    "CCC_",
    "FC_",
    "GATEWAY_",
    "SIMULATOR_",
    "MUTE_CALL_",
    "KMS_",
    "OSS_",
    "DEAD_LETTER_",
    "IDEMPOTENCY_",
)
_NAMES = {"CALLERS_FILE", "DEADLINE_MS", "LOG_LEVEL", "DEBUG"}
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}

# They say the same on every Python and take long: `make test` has them, `make check` has not.
_ONCE = [
    *("browser", "contract"),
    "e2e/test_audit.py",
    "e2e/test_bench.py",
    "e2e/test_install.py",
    "e2e/test_newcomer.py",
]
# Of the two runs of `make check`, the one that measures coverage has no use for the package, which nothing measures,
_MEASURED_WITHOUT = ["packaged"]
# and the one on the package none for what is not packaged.
_PACKAGED_WITHOUT = [
    *("e2e/console", "unit/local"),
    *("integration/audit", "integration/bench", "integration/gateway", "integration/local", "integration/simulator"),
]
# A shell has what it runs in the background ignore it, and that is handed down to the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

collect_ignore = []
if "COVERAGE_FILE" in os.environ:
    collect_ignore = _ONCE + _MEASURED_WITHOUT
elif Path(__file__).parents[1].joinpath(MARKER).is_file():
    collect_ignore = _ONCE + _PACKAGED_WITHOUT
    # In the package redis is whole only with its stand-ins, and some tests import it first.
    importlib.import_module("shared.idempotency.redis")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was skipped in a line per reason: most say what to install."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"SKIPPED [{count}] {reason}")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name in _NAMES or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
