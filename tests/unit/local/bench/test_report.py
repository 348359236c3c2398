from __future__ import annotations

import copy
from typing import Any

import pytest

from local.bench.__main__ import BEGIN, END, with_figures
from local.bench.cold import HTTP, HTTPS
from local.bench.report import bars, markdown
from local.bench.strangers import HASHED
from local.bench.subjects import DOCUMENTED, DOCUMENTED_BARE, FLOOR, OURS


def cold(cpu_ms: float) -> dict[str, float]:
    return {"wall_ms": cpu_ms + 9, "cpu_ms": cpu_ms, "peak_mb": 35.0, "warm_cpu_ms": 0.5}


ROWS = {OURS: cold(100), DOCUMENTED: cold(400), FLOOR: cold(50)}
FIGURES: dict[str, Any] = {
    "run": {"python": "3.12.1", "cores": 2, "cold": 15, "wait_ms": 50},
    "cold": {HTTP: {**ROWS, DOCUMENTED_BARE: cold(1100)}, HTTPS: ROWS},
    "beside": [{"python": "3.10.13", "cold": {HTTP: {**ROWS, DOCUMENTED_BARE: cold(800)}, HTTPS: ROWS}}],
    "size": {OURS: 4_900_000, DOCUMENTED: 14_210_000},
    "growth": {"blocks": 0.02, "bytes": 3.1},
    "imports": {"standard library": 90.0, "pydantic": 34.0},
    "strangers": {f"github{HASHED}": 12.0, "twilio, a form": 8.0, "GET /healthz": 0.8},
    "load": {
        callers: {"per_second": 480.0, "cpu_ms": 2.0, "of_the_limit": limit, "p50_ms": 51.0, "p99_ms": 99.0}
        for callers, limit in (("7", 0.1), ("100", 1.0))
    },
}
# A figure, where it lies in the data, and values that meet the aim, meet the bar, and miss it.
JUDGED = [
    ("HTTPS ÷ documented way", ("cold", HTTPS, OURS, "cpu_ms"), (120, 144, 145)),
    ("start over HTTP ÷ documented", ("cold", HTTP, DOCUMENTED, "cpu_ms"), (358, 295, 294)),
    ("without bytecode", ("cold", HTTP, DOCUMENTED_BARE, "cpu_ms"), (1000, 834, 833)),
    ("standard library", ("cold", HTTP, FLOOR, "cpu_ms"), (40, 32, 31)),
    ("peak memory", ("cold", HTTP, OURS, "peak_mb"), (35, 38, 38.1)),
    ("zip", ("size", OURS), (5_000_000, 6_200_000, 6_200_001)),
    ("warm request over HTTP", ("cold", HTTP, OURS, "warm_cpu_ms"), (0.36, 0.44, 0.45)),
    ("growth", ("growth", "blocks"), (0.04, None, 1.0)),
    ("without a credential", ("strangers", "twilio, a form"), (10, None, 10.1)),
    ("of one core", ("load", "100", "of_the_limit"), (1.0, 0.9, 0.89)),
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


def test_the_tables_of_a_document_are_replaced_and_its_words_are_not() -> None:
    before = f"# Title\n\n{BEGIN}\nold\n{END}\n\nwords\n"

    after = with_figures(before, FIGURES)

    assert after == f"# Title\n\n{BEGIN}\n{markdown(FIGURES)}\n{END}\n\nwords\n"
    assert with_figures(after, FIGURES) == after


def test_the_cost_is_that_of_the_measured_cpu_time() -> None:
    # 0.5 ms on a quarter of a core, and 50 ms of waiting.
    assert "| built-in | 0.50 ms | 52.0 ms | " in markdown(FIGURES)


def test_the_cold_starts_of_another_python_stand_beside() -> None:
    _, _, beside = markdown(FIGURES).partition("on Python 3.10.13")
    assert "without bytecode | 0.12 | ≤ 0.12 | 0.1 | NOT met |" in beside
