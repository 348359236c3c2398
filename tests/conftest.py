"""What every test starts from: an environment without anything of the developer's shell."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
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

# For formats that nothing here has, jsonschema compiles a grammar if it finds it: a second in each process.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment] # which is how Python keeps a module out
importlib.import_module("jsonschema")
del sys.modules["rfc3987_syntax"]
# A shell has what it runs in the background ignore it, and that is handed down to the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

if Path(__file__).parents[1].joinpath(MARKER).is_file():
    # In the package redis is whole only with its stand-ins, and some tests import it first.
    importlib.import_module("shared.idempotency.redis")
else:
    # What a cold start leaves out, only the package's tests leave out.
    os.environ["LEAN_IMPORTS"] = "off"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was skipped in a line per reason: most say what to install."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"SKIPPED [{count}] {reason}")


@pytest.fixture(scope="module")
def unmeasured() -> Iterator[None]:
    """Keep coverage out of the processes that a module starts: it makes them several times as slow."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name in _NAMES or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
