from __future__ import annotations

import re

import pytest

from local.console.faults import FAULTS, script
from local.simulator.fault import parse
from tests.unit.local.console.test_page import INDEX


@pytest.mark.parametrize("name", FAULTS)
def test_the_simulator_takes_each_fault_for_one_call(name: str) -> None:
    fault, times = parse(script(name, "MuteCall"))
    assert (fault.action, times) == ("MuteCall", 1)


@pytest.mark.parametrize("name", ["nothing", "", None, 1, ["slow"]])
def test_nothing_else_is_a_fault(name: object) -> None:
    assert script(name, "MuteCall") is None


def test_the_page_has_a_button_for_each() -> None:
    assert re.findall(r'data-fault="(\w+)"', INDEX) == list(FAULTS)
