"""What every test starts from: an environment without anything of the developer's shell."""

from __future__ import annotations

import os

import pytest

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


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name in _NAMES or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
