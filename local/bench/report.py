"""The figures of one run as tables, and the bars that they are held to (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from local.bench.cold import HTTP, HTTPS
from local.bench.cost import Size, cost
from local.bench.strangers import HASHED
from local.bench.subjects import DOCUMENTED, DOCUMENTED_BARE, FLOOR, OURS

Figures = Mapping[str, Any]

BUILT_IN, CUSTOM = "built-in", "custom"
# As in `s.yaml`.
SIZES = {BUILT_IN: Size(0.25, 0.256), CUSTOM: Size(0.5, 0.512, 50)}
_MB = 1_000_000
_PACKAGES = 12
_BARS = "figure | measured | at most | aim | "


class Bar(NamedTuple):
    """A figure with its limit (`bar`) and its goal (`aim`)."""

    name: str
    value: float
    bar: float
    aim: float
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """The verdict in one word."""
        sign = -1 if self.at_least else 1
        if sign * self.value <= sign * self.aim:
            return "aim met"
        return "met" if sign * self.value <= sign * self.bar else "NOT met"


def bars(figures: Figures) -> list[Bar]:
    """Return the figures with their limits; times are CPU times."""
    http = figures["cold"][HTTP]
    strangers = [ratio for name, ratio in figures["strangers"].items() if not name.endswith(HASHED)]
    callers, custom = _under_most(figures)
    at_the_limit = f"custom runtime, {callers} callers: throughput ÷ the limit of one core"
    return [
        *_bars_of_starts(figures["cold"]),
        Bar("zip, MB", figures["size"][OURS] / _MB, 6.2, 5),
        # It was 1.04 before the project had its own transport.
        Bar("warm request over HTTP ÷ documented way", _warm(http, DOCUMENTED), 0.88, 0.73),
        Bar("dearest request without a credential ÷ a wrong bearer token", max(strangers), 10, 10),
        # One leaked object per request would be one block per request.
        Bar("growth per request, blocks of memory", round(figures["growth"]["blocks"], 1), 0, 0),
        Bar(at_the_limit, custom["of_the_limit"], 0.9, 1.0, at_least=True),
    ]


def _bars_of_starts(cold: Figures) -> list[Bar]:
    http, https = cold[HTTP], cold[HTTPS]
    return [
        Bar("cold start over HTTPS ÷ documented way", _cold(https, DOCUMENTED), 0.36, 0.30),
        Bar("cold start over HTTP ÷ documented way", _cold(http, DOCUMENTED), 0.34, 0.28),
        Bar("cold start over HTTP ÷ the same without bytecode", _cold(http, DOCUMENTED_BARE), 0.12, 0.10),
        Bar("cold start over HTTP ÷ standard library alone", _cold(http, FLOOR), 3.2, 2.5),
        Bar("peak memory after the first answer, MB", http[OURS]["peak_mb"], 38, 35),
    ]


def _cold(rows: Figures, other: str) -> float:
    return float(rows[OURS]["cpu_ms"] / rows[other]["cpu_ms"])


def _warm(rows: Figures, other: str) -> float:
    return float(rows[OURS]["warm_cpu_ms"] / rows[other]["warm_cpu_ms"])


def _under_most(figures: Figures) -> tuple[str, Mapping[str, float]]:
    """Return the custom runtime's figures at the most callers, and how many these are."""
    rows: Mapping[str, Mapping[str, float]] = figures["load"]
    return max(rows.items(), key=lambda row: int(row[0]))


def markdown(figures: Figures) -> str:
    """Return all tables."""
    return "\n".join(_sections(figures))


def _sections(figures: Figures) -> Iterator[str]:
    run = figures["run"]
    yield f"Python {run['python']}, {run['cores']} cores, {run['cold']} cold starts of each in turn, medians."
    yield ""
    yield from _table(_BARS, map(_cells, bars(figures)))
    for other in figures["beside"]:
        yield from _titled(f"The same cold starts on Python {other['python']}")
        yield from _table(_BARS, map(_cells, _bars_of_starts(other["cold"])))
    yield from _titled("Cold start: process start to first answer")
    yield from _table("upstream over | subject | CPU | wall | peak memory | CPU of a warm request", _starts(figures))
    yield from _titled("What is deployed")
    yield from _table("subject | zip", ((name, f"{size / _MB:.2f} MB") for name, size in figures["size"].items()))
    yield from _titled(f"One instance of the custom runtime under load (upstream of {run['wait_ms']:g} ms)")
    yield from _table("callers | requests a second | CPU a request | of one core's limit | p50 | p99", _loads(figures))
    yield from _titled("What a cold start imports")
    packages = list(figures["imports"].items())[:_PACKAGES]
    yield from _table("package | ms", ((name, f"{ms:.1f}") for name, ms in packages))
    yield from _titled("What a stranger's request costs (CPU ÷ that of a wrong bearer token without a body)")
    yield from _table("request | ÷", ((name, f"{ratio:.1f}") for name, ratio in figures["strangers"].items()))
    yield from _titled("What a million mutes cost")
    yield from _table(
        "runtime and size | CPU a mute | billed a mute | CU per million | USD per million", _costs(figures)
    )


def _cells(bar: Bar) -> tuple[str, ...]:
    limit = f"{'≥' if bar.at_least else '≤'} {bar.bar:g}"
    return bar.name, f"{bar.value:.2f}", limit, f"{bar.aim:g}", bar.verdict


def _starts(figures: Figures) -> Iterator[tuple[str, ...]]:
    for way, rows in figures["cold"].items():
        for name, row in rows.items():
            peak, warm = f"{row['peak_mb']:.1f} MB", f"{row['warm_cpu_ms']:.2f} ms"
            yield way, name, f"{row['cpu_ms']:.0f} ms", f"{row['wall_ms']:.0f} ms", peak, warm


def _loads(figures: Figures) -> Iterator[tuple[str, ...]]:
    for callers, row in figures["load"].items():
        times = f"{row['p50_ms']:.0f} ms", f"{row['p99_ms']:.0f} ms"
        yield callers, f"{row['per_second']:.0f}", f"{row['cpu_ms']:.2f} ms", f"{row['of_the_limit']:.2f}", *times


def _costs(figures: Figures) -> Iterator[tuple[str, ...]]:
    http = figures["cold"][HTTP]
    for name, size, cpu_ms in (
        (BUILT_IN, SIZES[BUILT_IN], http[OURS]["warm_cpu_ms"]),
        ("documented way, same size", SIZES[BUILT_IN], http[DOCUMENTED]["warm_cpu_ms"]),
        ("documented way, fc3's default size (0.35 vCPU, 512 MB)", Size(0.35, 0.512), http[DOCUMENTED]["warm_cpu_ms"]),
        ("custom, as many at a time as it takes", SIZES[CUSTOM], _under_most(figures)[1]["cpu_ms"]),
    ):
        each = cost(size, cpu_ms / 1000, figures["run"]["wait_ms"] / 1000)
        yield name, f"{cpu_ms:.2f} ms", f"{each.billed_s * 1000:.1f} ms", f"{each.cu:,.0f}", f"{each.usd:.2f}"


def _titled(title: str) -> Iterator[str]:
    yield from ("", f"### {title}", "")


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    names = tuple(head.split(" | "))
    for cells in (names, ("---",) * len(names), *rows):
        yield f"| {' | '.join(cells)} |"
