from collections.abc import Iterator

import pytest

from tests.integration.local.gateway import sample_functions


@pytest.fixture(autouse=True)
def samples() -> Iterator[None]:
    """The sample functions without traces of the test before; whatever still waits in one is released."""
    sample_functions.reset()
    yield
    sample_functions.release.set()
