from __future__ import annotations

import copy
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from local.bench.__main__ import BEGIN, END, with_figures
from local.bench.report import SIZES, bars, markdown, plot
from local.bench.steps import CALL
from local.bench.strangers import HASHED
from local.bench.subjects import DOCUMENTED, DOCUMENTED_BARE, FLOOR, OURS
from local.bench.throughput import BUILT_IN, CUSTOM


def cold(wall_ms: float) -> dict[str, float]:
    return {"wall_ms": wall_ms, "cpu_ms": wall_ms - 1, "peak_mb": 40.0, "warm_ms": 0.8, "warm_cpu_ms": 0.75}


def load(per_second: float) -> dict[str, float]:
    return {"per_second": per_second, "cpu_ms": 2.0, "of_the_limit": per_second / 500, "p50_ms": 51.0, "p99_ms": 99.0}


FIGURES: dict[str, Any] = {
    "run": {"python": "3.12.1", "cores": 2, "cold": 15, "warm": 50, "growth": 10_000, "wait_ms": 50},
    "cold": {OURS: cold(180), DOCUMENTED: cold(500), DOCUMENTED_BARE: cold(1500), FLOOR: cold(50)},
    "steps": {"verify": 0.05, CALL: 0.5, "status": 0.06},
    "imports": {"standard library": 90.0, "pydantic": 34.0},
    "growth": {"blocks": 0.02, "bytes": 3.1},
    "strangers": {f"github{HASHED}": 12.0, "twilio, a form": 8.0, "GET /healthz": 0.8},
    "throughput": {
        BUILT_IN: {"1": load(19), "100": load(19)},
        CUSTOM: {"1": load(19), "100": load(480)},
    },
    "size": {OURS: 5_370_000, DOCUMENTED: 14_210_000, DOCUMENTED_BARE: 10_080_000, FLOOR: 1_000},
}
# A figure, where it lies in the data, and values that meet the aim, meet the bar, and miss it.
JUDGED = [
    ("without bytecode", ("cold", OURS, "wall_ms"), (180, 300, 301)),
    ("with bytecode", ("cold", OURS, "wall_ms"), (175, 275, 276)),
    ("peak memory", ("cold", OURS, "peak_mb"), (45, 60, 60.1)),
    ("zip", ("size", OURS), (6_000_000, 9_000_000, 9_000_001)),
    ("own time", ("steps", "status"), (0.075, 0.2, 0.201)),
    ("growth", ("growth", "blocks"), (0.04, None, 1.0)),
    ("without a credential", ("strangers", "twilio, a form"), (10, None, 10.1)),
    ("of one core", ("throughput", CUSTOM, "100", "of_the_limit"), (0.95, 0.8, 0.79)),
]


def changed(path: tuple[str, ...], value: float) -> dict[str, Any]:
    figures: dict[str, Any] = copy.deepcopy(FIGURES)
    holder = figures
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return figures


@pytest.mark.parametrize(("name", "path", "values"), JUDGED, ids=[row[0] for row in JUDGED])
def test_a_figure_is_judged_by_its_bar_and_its_aim(
    name: str, path: tuple[str, ...], values: tuple[float | None, ...]
) -> None:
    for value, verdict in zip(values, ("aim met", "met", "NOT met"), strict=True):
        if value is not None:
            (bar,) = [bar for bar in bars(changed(path, value)) if name in bar.name]
            assert bar.verdict == verdict


def test_every_bar_stands_in_the_table_with_its_verdict() -> None:
    text = markdown(changed(("cold", OURS, "peak_mb"), 99))

    for bar in bars(FIGURES):
        assert f"| {bar.name} | " in text
    assert "| peak memory after the first answer, MB | 99.00 | ≤ 60 | 45 | NOT met |" in text
    assert text.count("NOT met") == 1


def test_the_limit_is_that_of_the_most_callers() -> None:
    figures = copy.deepcopy(FIGURES)
    figures["throughput"][CUSTOM]["7"] = load(1)

    assert "custom runtime, 100 callers: throughput ÷ the limit of one core" in {bar.name for bar in bars(figures)}


def test_the_cost_is_that_of_the_measured_cpu_time_and_the_size_in_s_yaml() -> None:
    # 0.75 ms on a quarter of a core, and 50 ms of waiting.
    assert "| built-in | 0.75 ms | 53.0 ms | 22,785 | 0.46 |" in markdown(FIGURES)
    assert SIZES[BUILT_IN].concurrency == 1


def test_the_plot_shows_every_subject_and_both_runtimes() -> None:
    texts = [element.text for element in ET.fromstring(plot(FIGURES)).iter() if element.text]  # noqa: S314 - our own

    assert {*FIGURES["cold"], BUILT_IN, CUSTOM} <= set(texts)


def test_the_tables_of_a_document_are_replaced_and_its_words_are_not() -> None:
    before = f"# Title\n\n{BEGIN}\nold\n{END}\n\nwords\n"

    after = with_figures(before, FIGURES)

    assert after == f"# Title\n\n{BEGIN}\n{markdown(FIGURES)}\n{END}\n\nwords\n"
    assert with_figures(after, FIGURES) == after
