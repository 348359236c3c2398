from __future__ import annotations

from collections.abc import Iterator
from contextlib import redirect_stdout

import pytest

from tests.e2e.console.client import Running, running


@pytest.fixture
def console() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Between fixtures and test pytest puts its own stdout back."""
    console = pyfuncitem.funcargs.get("console")
    if not isinstance(console, Running):
        return (yield)
    with redirect_stdout(console.stdout):
        return (yield)
