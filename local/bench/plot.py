"""Bars and lines as one SVG document that reads well in light and dark: the same input gives the same bytes (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import NamedTuple

_WIDTH, _MARGIN, _GAP, _HEAD, _ROW, _BAR, _PLOT, _SAMPLE = 760, 16, 8, 44, 24, 16, 180, 24
# All but titles is monospaced, hence as wide as it is long in whatever font a reader has: 0.605 of 12 px.
_CHARACTER, _LONGEST_LABEL = 7.26, 40
_NO_DATA = "no data"
_COLOURS, _DASHES = 5, 3
_CLASSES = ("svg", ".dim", ".grid", ".back", *(f".c{number}" for number in range(_COLOURS)))
_LIGHT = "#1f2328 #59636e #d1d9e0 #ffffff #0969da #bc4c00 #1a7f37 #8250df #bf3989"
_DARK = "#e6edf3 #9198a1 #3d444d #0d1117 #58a6ff #f0883e #3fb950 #bc8cff #f778ba"
_SHAPES = """text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.title { font: 600 15px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
text, rect, circle { fill: currentColor; }
line, polyline { fill: none; stroke: currentColor; }
polyline { stroke-width: 2; }
.d1 { stroke-dasharray: 7 3; }
.d2 { stroke-dasharray: 2 3; }"""


class Bars(NamedTuple):
    """Horizontal bars, each with its label and its value."""

    title: str
    unit: str
    rows: Sequence[tuple[str, float]]


class Lines(NamedTuple):
    """A line for each series, with a value for each x; the xs stand at equal distances, whatever they are."""

    title: str
    unit: str
    x_label: str
    xs: Sequence[float]
    series: Mapping[str, Sequence[float]]


def draw(panels: Sequence[Bars | Lines]) -> str:
    """Return the SVG document with the panels one below the other.

    Args:
        panels: with labels of at most 40 characters; longer ones may overlap.

    Raises:
        ValueError: a value is negative or no finite number, or a series has not one value for each x.
    """
    drawn, height = [], 0
    for panel in panels:
        _check(panel)
        rows, parts = _parts(panel)
        drawn += [f'<g class="panel" transform="translate(0 {height})">', *parts, "</g>"]
        height += _HEAD + rows * _ROW + _MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img">',
        f"<title>{escape('; '.join(panel.title for panel in panels))}</title>",
        f"<desc>{escape(' '.join(map(_words, panels)))}</desc>",
        f"<style>\n{_SHAPES}\n{_colours(_LIGHT)}",
        f"@media (prefers-color-scheme: dark) {{\n{_colours(_DARK)}\n}}\n</style>",
        f'<rect class="back" width="{_WIDTH}" height="{height}"/>',
    )
    return "\n".join((*head, *drawn, "</svg>\n"))


def _check(panel: Bars | Lines) -> None:
    columns = [[value for _, value in panel.rows]] if isinstance(panel, Bars) else list(panel.series.values())
    if not all(0 <= value < math.inf for column in columns for value in column):
        raise ValueError(f"{panel.title}: a value is negative or no finite number")
    if isinstance(panel, Lines):
        if not all(map(math.isfinite, panel.xs)):
            raise ValueError(f"{panel.title}: an x is no finite number")
        if any(len(column) != len(panel.xs) for column in columns):
            raise ValueError(f"{panel.title}: a series has not one value for each x")


def _colours(colours: str) -> str:
    return "\n".join(f"{name} {{ color: {colour}; }}" for name, colour in zip(_CLASSES, colours.split(), strict=True))


def _parts(panel: Bars | Lines) -> tuple[int, list[str]]:
    """Return how many rows the panel takes below its head, and its elements."""
    title = _text(_MARGIN, _HEAD / 2, f"{panel.title}, {panel.unit}", "title")
    if isinstance(panel, Bars) and panel.rows:
        return len(panel.rows), [title, *_bars(panel)]
    if isinstance(panel, Lines) and panel.xs and panel.series:
        # The legend, half a row of air, the plot, the xs and their label.
        return len(panel.series) + math.ceil(0.5 + _PLOT / _ROW) + 2, [title, *_lines(panel)]
    return 1, [title, _text(_MARGIN, _HEAD + _ROW / 2, _NO_DATA, "dim")]


def _bars(panel: Bars) -> Iterator[str]:
    left = _MARGIN + min(_LONGEST_LABEL * _CHARACTER, _widest(label for label, _ in panel.rows)) + _GAP
    room = _WIDTH - _MARGIN - _widest(_figure(value) for _, value in panel.rows) - _GAP - left
    most = max(value for _, value in panel.rows) or 1
    for row, (label, value) in enumerate(panel.rows):
        middle, length = _HEAD + (row + 0.5) * _ROW, value / most * room
        yield _text(left - _GAP, middle, label, "label", "end")
        yield f'<rect class="c0" x="{left:.2f}" y="{middle - _BAR / 2:.2f}" width="{length:.2f}" height="{_BAR}"/>'
        yield _text(left + length + _GAP, middle, _figure(value), "value")


def _lines(panel: Lines) -> Iterator[str]:
    ticks = _ticks(max(map(max, panel.series.values())))
    left, top = _MARGIN + _widest(map(_plain, ticks)) + _GAP, _HEAD + (len(panel.series) + 0.5) * _ROW
    width = _WIDTH - _MARGIN - left
    xs = [left + (column + 0.5) * width / len(panel.xs) for column in range(len(panel.xs))]
    for tick in ticks:
        y = top + _PLOT * float(1 - tick / ticks[-1])
        yield f'<line class="grid" x1="{left:.2f}" y1="{y:.2f}" x2="{left + width:.2f}" y2="{y:.2f}"/>'
        yield _text(left - _GAP, y, _plain(tick), "dim tick", "end")
    labels = [_plain(x) for x in panel.xs]
    # As many of them as there is room for.
    step = math.ceil(len(labels) * (_widest(labels) + _GAP) / width)
    for x, label in list(zip(xs, labels, strict=True))[::step]:
        yield _text(x, top + _PLOT + _ROW * 0.75, label, "dim x", "middle")
    yield _text(left + width / 2, top + _PLOT + _ROW * 1.5, panel.x_label, "dim", "middle")
    for number, (name, values) in enumerate(panel.series.items()):
        ys = [top + _PLOT * (1 - value / float(ticks[-1])) for value in values]
        yield from _series(number, name, list(zip(xs, ys, strict=True)))


def _series(number: int, name: str, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    middle = _HEAD + (number + 0.5) * _ROW
    # The dashes are for who cannot tell the colours apart.
    yield f'<g class="c{number % _COLOURS} d{number % _DASHES}">'
    for kind, line in (("sample", [(_MARGIN, middle), (_MARGIN + _SAMPLE, middle)]), ("series", points)):
        yield f'<polyline class="{kind}" points="{" ".join(f"{x:.2f},{y:.2f}" for x, y in line)}"/>'
    yield from (f'<circle cx="{x:.2f}" cy="{y:.2f}" r="3.5"/>' for x, y in points)
    yield "</g>"
    yield _text(_MARGIN + _SAMPLE + _GAP, middle, name, "legend")


def _text(x: float, middle: float, text: str, kind: str, anchor: str = "start") -> str:
    # The baseline of 12 px stands 4 below the middle; renderers do not agree on dominant-baseline.
    return f'<text class="{kind}" x="{x:.2f}" y="{middle + 4:.2f}" text-anchor="{anchor}">{escape(text)}</text>'


def _widest(texts: Iterable[str]) -> float:
    return max(map(len, texts)) * _CHARACTER


def _ticks(most: float) -> list[Decimal]:
    top = Decimal(str(most or 1))
    digits = map(Decimal, ("1", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10"))
    # The least step of which four are enough, and so near to the one before it that two never are.
    step = next(step for digit in digits if (step := digit.scaleb((top / 4).adjusted())) * 4 >= top)
    return [step * number for number in range(math.ceil(top / step) + 1)]


def _plain(number: float | Decimal) -> str:
    return f"{Decimal(str(number)).normalize():,f}"


def _figure(value: float) -> str:
    """Return three significant digits, never with an exponent."""
    return f"{Decimal(f'{value:.2e}'):,f}" if value else "0"


def _words(panel: Bars | Lines) -> str:
    if isinstance(panel, Bars):
        found = ", ".join(f"{label} {_figure(value)}" for label, value in panel.rows)
        return f"{panel.title}, {panel.unit}: {found or _NO_DATA}."
    found = "; ".join(
        f"{name} {', '.join(f'{_figure(value)} at {_plain(x)}' for x, value in zip(panel.xs, values, strict=True))}"
        for name, values in panel.series.items()
    )
    return f"{panel.title}, {panel.unit}, by {panel.x_label}: {found if panel.xs and found else _NO_DATA}."
