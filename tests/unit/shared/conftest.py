"""The function under test and its log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.shared.fakes import World

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return the log lines since the last look; nothing else may have been printed."""

    def read() -> list[dict[str, Any]]:
        printed = capsys.readouterr()
        assert not printed.err
        return [json.loads(line) for line in printed.out.splitlines()]

    return read
