"""What every test starts from: an environment without anything of the developer's shell."""

from __future__ import annotations

import os
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

# They say nothing of the package, and take long: the runs on the sources have said it.
_OF_THE_SOURCES = [
    "browser",
    "contract/test_adding_a_function.py",
    "contract/test_docs.py",
    "e2e/collection",
    "e2e/test_audit.py",
    "e2e/test_bench.py",
    "e2e/test_newcomer.py",
    "integration/audit",
    "unit/local/package",
]
collect_ignore = _OF_THE_SOURCES if Path(__file__).parents[1].joinpath(MARKER).is_file() else []


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name in _NAMES or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
