"""The figures of one run as tables, as data and as a plot (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from local.bench.cost import Size, cost
from local.bench.plot import Bars, Lines, draw
from local.bench.steps import CALL
from local.bench.strangers import HASHED
from local.bench.subjects import DOCUMENTED, DOCUMENTED_BARE, OURS
from local.bench.throughput import BUILT_IN, CUSTOM

Figures = Mapping[str, Any]

# What `s.yaml` asks for.
SIZES = {BUILT_IN: Size(0.25, 0.256), CUSTOM: Size(0.5, 0.512, 50)}
_MB = 1_000_000
_PACKAGES = 12
_STRANGERS = 20


class Bar(NamedTuple):
    """A figure with what it must not and what it should not exceed, or fall below."""

    name: str
    value: float
    bar: float
    aim: float
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """In a word."""
        sign = -1 if self.at_least else 1
        if sign * self.value <= sign * self.aim:
            return "aim met"
        return "met" if sign * self.value <= sign * self.bar else "NOT met"


def bars(figures: Figures) -> list[Bar]:
    """Return what this project wants to be held to."""
    cold, steps = figures["cold"], figures["steps"]
    ours = cold[OURS]
    own_ms = sum(steps.values()) - steps[CALL]
    callers, custom = _under_most(figures)
    return [
        Bar("cold start ÷ documented way without bytecode", _ratio(ours, cold[DOCUMENTED_BARE]), 0.20, 0.12),
        Bar("cold start ÷ documented way with bytecode", _ratio(ours, cold[DOCUMENTED]), 0.55, 0.35),
        Bar("peak memory after the first answer, MB", ours["peak_mb"], 60, 45),
        Bar("zip, MB", figures["size"][OURS] / _MB, 9, 6),
        Bar("own time per request ÷ the SDK's call (upstream of 0 ms)", own_ms / steps[CALL], 0.5, 0.25),
        Bar(
            "dearest request without a credential ÷ a wrong bearer token, but for hashes of large bodies",
            max(ratio for name, ratio in figures["strangers"].items() if not name.endswith(HASHED)),
            10,
            10,
        ),
        # A single object that stays behind would be one block per request.
        Bar("growth per request, blocks of memory", round(figures["growth"]["blocks"], 1), 0, 0),
        Bar(
            f"custom runtime, {callers} callers: throughput ÷ the limit of one core",
            custom["of_the_limit"],
            0.8,
            0.95,
            at_least=True,
        ),
    ]


def _under_most(figures: Figures) -> tuple[str, Mapping[str, float]]:
    """Return the custom runtime's figures at the most callers, and how many these are."""
    rows: Mapping[str, Mapping[str, float]] = figures["throughput"][CUSTOM]
    return max(rows.items(), key=lambda row: int(row[0]))


def _ratio(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    return ours["wall_ms"] / theirs["wall_ms"]


def markdown(figures: Figures) -> str:
    """Return all tables."""
    return "\n".join(_sections(figures))


def _sections(figures: Figures) -> Iterator[str]:
    run = figures["run"]
    yield f"Python {run['python']}, {run['cores']} cores, {run['cold']} cold starts of each in turn, medians."
    yield ""
    rows = [
        (bar.name, f"{bar.value:.2f}", f"{'≥' if bar.at_least else '≤'} {bar.bar:g}", f"{bar.aim:g}", bar.verdict)
        for bar in bars(figures)
    ]
    yield from _table(("figure", "measured", "at most", "aim", ""), rows)
    yield from _titled("Cold start: process start to first answer")
    yield from _cold(figures)
    yield from _titled("A warm invocation, step by step (upstream of 0 ms)")
    yield from _steps(figures["steps"])
    yield from _titled(f"One instance under load (upstream of {run['wait_ms']:g} ms)")
    yield from _throughput(figures["throughput"])
    yield from _titled("What a cold start imports")
    yield from _table(
        ("package", "ms"), [(name, f"{ms:.1f}") for name, ms in list(figures["imports"].items())[:_PACKAGES]]
    )
    yield from _titled("What a stranger's request costs (CPU ÷ that of a wrong bearer token without a body)")
    yield from _table(("request", "÷"), [(name, f"{ratio:.1f}") for name, ratio in _dearest(figures["strangers"])])
    yield from _titled("What a million mutes cost")
    yield from _costs(figures)


def _dearest(ratios: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the dearest kinds, and the two pages that anybody may read."""
    rows = sorted(ratios.items(), key=lambda row: -row[1])
    return [*rows[:_STRANGERS], *((name, ratio) for name, ratio in rows[_STRANGERS:] if name.startswith("GET "))]


def _cold(figures: Figures) -> Iterator[str]:
    yield from _table(
        ("subject", "wall", "CPU", "peak memory", "warm invocation", "its CPU", "zip"),
        [
            (
                name,
                f"{cold['wall_ms']:.0f} ms",
                f"{cold['cpu_ms']:.0f} ms",
                f"{cold['peak_mb']:.1f} MB",
                f"{cold['warm_ms']:.2f} ms",
                f"{cold['warm_cpu_ms']:.2f} ms",
                f"{figures['size'][name] / _MB:.2f} MB" if name in figures["size"] else "",
            )
            for name, cold in figures["cold"].items()
        ],
    )


def _steps(steps: Mapping[str, float]) -> Iterator[str]:
    rows = [(name, f"{ms:.3f}") for name, ms in steps.items()]
    own = sum(steps.values()) - steps[CALL]
    yield from _table(("step", "ms"), [*rows, ("**all but the SDK's call**", f"**{own:.3f}**")])


def _throughput(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    yield from _table(
        ("runtime", "callers", "requests a second", "CPU a request", "of one core's limit", "p50", "p99"),
        [
            (
                runtime,
                callers,
                f"{row['per_second']:.0f}",
                f"{row['cpu_ms']:.2f} ms",
                f"{row['of_the_limit']:.2f}",
                f"{row['p50_ms']:.0f} ms",
                f"{row['p99_ms']:.0f} ms",
            )
            for runtime, rows in found.items()
            for callers, row in rows.items()
        ],
    )


def _costs(figures: Figures) -> Iterator[str]:
    wait_s = figures["run"]["wait_ms"] / 1000
    documented = figures["cold"][DOCUMENTED]["warm_cpu_ms"] / 1000
    rows = []
    for name, size, cpu_s in (
        ("built-in", SIZES[BUILT_IN], figures["cold"][OURS]["warm_cpu_ms"] / 1000),
        ("documented way, same size", SIZES[BUILT_IN], documented),
        ("documented way, fc3's default size (0.35 vCPU, 512 MB)", Size(0.35, 0.512), documented),
        ("custom, as many at a time as it takes", SIZES[CUSTOM], _under_most(figures)[1]["cpu_ms"] / 1000),
    ):
        each = cost(size, cpu_s, wait_s)
        rows.append(
            (name, f"{cpu_s * 1000:.2f} ms", f"{each.billed_s * 1000:.1f} ms", f"{each.cu:,.0f}", f"{each.usd:.2f}")
        )
    yield from _table(("runtime and size", "CPU a mute", "billed a mute", "CU per million", "USD per million"), rows)


def plot(figures: Figures) -> str:
    """Return the plot: cold starts, and both runtimes under load."""
    cold = [(name, row["wall_ms"]) for name, row in figures["cold"].items()]
    runtimes = figures["throughput"]
    callers = [int(number) for number in runtimes[CUSTOM]]

    def series(key: str) -> dict[str, list[float]]:
        return {name: [row[key] for row in rows.values()] for name, rows in runtimes.items()}

    return draw(
        [
            Bars("Process start to first answer", "ms", cold),
            Lines(
                "Throughput of one instance", "requests a second", "callers at a time", callers, series("per_second")
            ),
            Lines("99th percentile of a request", "ms", "callers at a time", callers, series("p99_ms")),
        ]
    )


def _titled(title: str) -> Iterator[str]:
    yield from ("", f"### {title}", "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for cells in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
