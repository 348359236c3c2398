from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulator import Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running
