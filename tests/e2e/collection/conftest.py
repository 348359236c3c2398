from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.demo import SENDERS
from local.stack import stack
from tests.contract.documents import ROOT


@pytest.fixture
def url() -> Iterator[str]:
    """Return where the function is served with the demo's callers, as `make run` does it."""
    variables = {sender.variable: sender.secret for sender in SENDERS}
    with stack(variables={**variables, "CALLERS_FILE": str(ROOT / "local" / "callers.toml")}) as (gateway, _):
        yield gateway.url
