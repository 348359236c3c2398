"""docs/performance.md shows what one run has measured, and what else is said of it is read off there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from local.bench.__main__ import with_figures
from local.bench.report import SIZES, bars, plot
from local.bench.strangers import PAGES
from local.bench.subjects import OURS
from local.bench.throughput import BUILT_IN, CUSTOM
from tests.contract.documents import ROOT, headings, local_links, read

FIGURES: dict[str, Any] = json.loads(read("docs/performance.json"))
DOCUMENT = read("docs/performance.md")
RESOURCES = yaml.safe_load(read("s.yaml"))["resources"]
COLD = FIGURES["cold"][OURS]


def test_the_tables_are_those_of_the_data() -> None:
    assert with_figures(DOCUMENT, FIGURES) == DOCUMENT


def test_the_plot_is_that_of_the_data() -> None:
    assert plot(FIGURES) == read("docs/performance.svg")


@pytest.mark.parametrize("bar", bars(FIGURES), ids=lambda bar: bar.name)
def test_every_figure_meets_its_bar(bar: Any) -> None:
    assert bar.verdict in {"aim met", "met"}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_for_anybody_costs_less_than_a_refusal(page: str) -> None:
    assert FIGURES["strangers"][f"GET /{page}"] < 1


def test_the_run_is_as_long_as_its_figures_need() -> None:
    assert FIGURES["run"]["cold"] >= 15
    assert FIGURES["run"]["growth"] >= 10_000
    assert list(FIGURES["throughput"][CUSTOM]) == ["1", "10", "50", "100"]


@pytest.mark.parametrize(("name", "resource"), [(BUILT_IN, "mute_call"), (CUSTOM, "mute_call_concurrent")])
def test_the_cost_is_that_of_the_sizes_in_s_yaml(name: str, resource: str) -> None:
    props = RESOURCES[resource]["props"]
    size = SIZES[name]
    assert (size.vcpu, size.memory_gb * 1000, size.concurrency) == (
        props["cpu"],
        props["memorySize"],
        props.get("instanceConcurrency", 1),
    )


@pytest.mark.parametrize("document", ["docs/deploy.md", "s.yaml"])
def test_what_a_cold_start_takes_is_what_was_measured(document: str) -> None:
    text = read(document)
    (memory,) = re.findall(r"(\d+) MB of memory|function takes (\d+) MB", text)
    (seconds,) = re.findall(r"(\d\.\d) s of (?:a whole|one) core", text)
    assert float(max(memory)) == pytest.approx(COLD["peak_mb"], rel=0.1)
    assert float(seconds) == pytest.approx(COLD["cpu_ms"] / 1000, abs=0.05)


def test_what_a_core_answers_is_what_was_measured() -> None:
    (said,) = re.findall(r"a core answers some (\d+) requests a second", read("s.yaml"))
    assert float(said) == pytest.approx(1000 / FIGURES["throughput"][CUSTOM]["50"]["cpu_ms"], rel=0.15)


def test_links_lead_somewhere() -> None:
    for target in local_links(DOCUMENT):
        assert (ROOT / "docs" / target).exists()
    for name in re.findall(r"performance\.md#([a-z-]+)", read("README.md") + read("docs/deploy.md")):
        assert name in headings(DOCUMENT)
