"""docs/performance.md shows what one run has measured, and what else is said of it is read off there."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from local.bench.__main__ import with_figures
from local.bench.report import BUILT_IN, CUSTOM, SIZES, bars
from local.bench.strangers import PAGES
from tests.contract.documents import read

FIGURES: dict[str, Any] = json.loads(read("docs/performance.json"))
DOCUMENT = read("docs/performance.md")
RESOURCES = yaml.safe_load(read("s.yaml"))["resources"]


def test_the_tables_are_those_of_the_data() -> None:
    assert with_figures(DOCUMENT, FIGURES) == DOCUMENT


def test_every_figure_meets_its_bar() -> None:
    assert [bar.name for bar in bars(FIGURES) if bar.verdict == "NOT met"] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_for_anybody_costs_less_than_a_refusal(page: str) -> None:
    assert FIGURES["strangers"][f"GET /{page}"] < 1


def test_the_run_is_as_long_as_its_figures_need() -> None:
    assert FIGURES["run"]["cold"] >= 15
    assert FIGURES["run"]["growth"] >= 10_000
    assert list(FIGURES["load"]) == ["1", "10", "50", "100"]
    assert [other["python"].rpartition(".")[0] for other in FIGURES["beside"]] == ["3.10"]


@pytest.mark.parametrize(("name", "resource"), [(BUILT_IN, "mute_call"), (CUSTOM, "mute_call_concurrent")])
def test_the_cost_is_that_of_the_sizes_in_s_yaml(name: str, resource: str) -> None:
    props = RESOURCES[resource]["props"]
    size = SIZES[name]
    assert (size.vcpu, size.memory_gb * 1000, size.concurrency) == (
        props["cpu"],
        props["memorySize"],
        props.get("instanceConcurrency", 1),
    )
