from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.bench.plot import Bars, Lines, draw

SVG = "{http://www.w3.org/2000/svg}"
# How wide a character of a usual monospaced font is, and of the titles' at most on average.
ADVANCE, TITLE_ADVANCE = 12 * 0.6, 15 * 0.6
LONGEST = 40

COLD = Bars("Cold start", "ms", [("ours", 123.4), ("documented way", 1234.5), ("nothing", 0)])
LOAD = Lines("Load", "per second", "callers", [1, 10, 50], {"built-in": [20, 24.5, 24], "custom": [25, 210, 412]})
LONG = Bars("Long", "ms", [("W" * LONGEST, 1), ("M" * LONGEST, 123_456)])
MANY = Lines("Many", "ms", "x", range(1_000, 1_200), {f"{n}".ljust(LONGEST, "W"): [n] * 200 for n in range(9)})
SINGLE = Lines("Single", "ms", "x", [7], {"one": [3]})
HIGH = SINGLE._replace(title="High", series={"one": [1.2e12]})
EVERY: list[Bars | Lines] = [
    COLD,
    LOAD,
    LONG,
    MANY,
    SINGLE,
    HIGH,
    Bars("Empty", "ms", []),
    Lines("None", "ms", "x", [], {"one": []}),
]


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def inside(self, other: Box) -> bool:
        return (
            other.left <= self.left <= self.right <= other.right
            and other.top <= self.top <= self.bottom <= other.bottom
        )


def drawn(*panels: Bars | Lines) -> ET.Element:
    return ET.fromstring(draw(panels))  # noqa: S314 - our own document


def size(svg: ET.Element) -> tuple[float, float]:
    left, top, width, height = map(float, svg.attrib["viewBox"].split())
    assert (left, top) == (0, 0)
    return width, height


def panels_of(svg: ET.Element) -> list[tuple[ET.Element, Box]]:
    """Return each panel with what it has to itself, in its own coordinates."""
    width, height = size(svg)
    panels = svg.findall(f"{SVG}g[@class='panel']")
    tops = [float(re.sub(r"translate\(0 (.+)\)", r"\1", panel.attrib["transform"])) for panel in panels]
    return [
        (panel, Box(0, 0, width, below - top))
        for panel, (top, below) in zip(panels, pairwise([*tops, height]), strict=True)
    ]


def texts(svg: ET.Element, kind: str) -> list[str]:
    return [text.text or "" for text in svg.iter(f"{SVG}text") if kind in text.attrib["class"].split()]


def text_box(text: ET.Element) -> Box:
    advance = TITLE_ADVANCE if text.attrib["class"] == "title" else ADVANCE
    x, y, width = float(text.attrib["x"]), float(text.attrib["y"]), len(text.text or "") * advance
    left = x - width * {"start": 0, "middle": 0.5, "end": 1}[text.attrib["text-anchor"]]
    return Box(left, y - 11, left + width, y + 3)


def bar_box(bar: ET.Element) -> Box:
    x, y, width, height = (float(bar.attrib[name]) for name in ("x", "y", "width", "height"))
    return Box(x, y, x + width, y + height)


def points_of(line: ET.Element) -> list[tuple[float, float]]:
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    return [(x, y) for x, y in points]


def bars_of(svg: ET.Element) -> list[Box]:
    return [bar_box(bar) for bar in svg.iterfind(f".//{SVG}g/{SVG}rect")]


def lines_of(svg: ET.Element, kind: str = "series") -> list[list[tuple[float, float]]]:
    return [points_of(line) for line in svg.iterfind(f".//{SVG}polyline[@class='{kind}']")]


def ticks_of(svg: ET.Element) -> dict[float, float]:
    """Return the heights of the grid's lines by what is written beside them."""
    heights = [float(line.attrib["y1"]) for line in svg.iterfind(f".//{SVG}line[@class='grid']")]
    return dict(zip((float(tick.replace(",", "")) for tick in texts(svg, "tick")), heights, strict=True))


def boxes_of(panel: ET.Element) -> Iterator[Box]:
    """Return what must not overlap."""
    yield from map(text_box, panel.iter(f"{SVG}text"))
    yield from map(bar_box, panel.iter(f"{SVG}rect"))
    for kind in ("sample", "series"):
        lines = lines_of(panel, kind)
        # The curves cross each other as they have to, and are one thing here.
        for points in lines if kind == "sample" else [[point for line in lines for point in line]]:
            if points:
                xs, ys = zip(*points, strict=True)
                yield Box(min(xs), min(ys), max(xs), max(ys))


def test_a_bar_is_as_long_as_its_value() -> None:
    bars = bars_of(drawn(COLD))
    scale = (bars[1].right - bars[1].left) / COLD.rows[1][1]

    assert scale > 0
    assert [bar.right - bar.left for bar in bars] == pytest.approx([value * scale for _, value in COLD.rows], abs=0.02)
    assert len({bar.left for bar in bars}) == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.000012345, "0.0000123"),
        (0.5, "0.500"),
        (12, "12.0"),
        (123.4, "123"),
        (999.9, "1,000"),
        (1_234_567, "1,230,000"),
    ],
)
def test_a_value_has_three_significant_digits(value: float, shown: str) -> None:
    svg = drawn(Bars("", "", [("one", value)]))

    assert texts(svg, "value") == [shown]
    assert f"one {shown}" in svg.findtext(f"{SVG}desc", "")


def test_bars_without_any_length_are_drawn() -> None:
    bars = bars_of(drawn(Bars("", "", [("one", 0), ("two", 0.0)])))
    assert [bar.right - bar.left for bar in bars] == [0, 0]


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 0.25, 0.5, 0.75, 1]),
        (0.1, [0, 0.025, 0.05, 0.075, 0.1]),
        (9.1, [0, 2.5, 5, 7.5, 10]),
        (100, [0, 25, 50, 75, 100]),
        (412, [0, 150, 300, 450]),
        (3_900_000, [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]),
    ],
)
def test_the_ticks_are_round_and_start_at_zero(most: float, ticks: list[float]) -> None:
    assert list(ticks_of(drawn(SINGLE._replace(series={"one": [most]})))) == ticks


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_there_are_four_or_five_ticks_and_the_highest_is_not_far_above_the_points(most: float) -> None:
    ticks = list(ticks_of(drawn(SINGLE._replace(series={"one": [most]}))))

    assert len(ticks) in {4, 5}
    assert ticks[-2] < most <= ticks[-1]


def test_a_point_stands_at_its_value_between_the_ticks() -> None:
    svg = drawn(LOAD)
    ticks = ticks_of(svg)
    (lowest, bottom), *_, (highest, top) = ticks.items()
    per_unit = (bottom - top) / (highest - lowest)

    for line, values in zip(lines_of(svg), LOAD.series.values(), strict=True):
        assert [y for _, y in line] == pytest.approx([bottom - value * per_unit for value in values], abs=0.02)
    assert list(ticks.values()) == pytest.approx([bottom - tick * per_unit for tick in ticks], abs=0.02)


def test_the_xs_stand_at_equal_distances_with_their_labels_below() -> None:
    svg = drawn(LOAD)
    labels = [float(text.attrib["x"]) for text in svg.iter(f"{SVG}text") if text.attrib["class"] == "dim x"]

    for line in lines_of(svg):
        assert [x for x, _ in line] == labels
    assert labels[1] - labels[0] == pytest.approx(labels[2] - labels[1], abs=0.02)


def test_each_value_of_a_line_is_a_point_even_if_it_is_alone() -> None:
    for panel in (LOAD, SINGLE):
        svg = drawn(panel)
        points = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in svg.iter(f"{SVG}circle")]
        assert points == [point for line in lines_of(svg) for point in line]
        assert len(points) == len(panel.xs) * len(panel.series)


def test_each_series_has_a_look_of_its_own() -> None:
    looks = [group.attrib["class"] for group in drawn(MANY).iterfind(f".//{SVG}g/{SVG}g")]
    assert len(looks) == len(set(looks)) == len(MANY.series)


def test_everything_stands_inside_its_panel_and_nothing_overlaps() -> None:
    panels = panels_of(drawn(*EVERY))

    assert len(panels) == len(EVERY)
    for panel, room in panels:
        boxes = list(boxes_of(panel))
        assert [box for box in boxes if not box.inside(room)] == []
        assert [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])] == []


def test_an_x_is_shown_as_it_is() -> None:
    svg = drawn(LOAD._replace(xs=[0.25, 10.0, 12_345]))
    assert texts(svg, "x") == ["0.25", "10", "12,345"]


def test_labels_are_left_out_where_there_is_no_room_for_all() -> None:
    shown = texts(drawn(MANY), "x")

    assert shown[0] == "1,000"
    assert 5 < len(shown) < len(MANY.xs)


def test_what_is_drawn_is_written_as_well() -> None:
    svg = drawn(COLD, LOAD)

    assert texts(svg, "title") == ["Cold start, ms", "Load, per second"]
    assert texts(svg, "label") == ["ours", "documented way", "nothing"]
    assert texts(svg, "value") == ["123", "1,230", "0"]
    assert texts(svg, "legend") == ["built-in", "custom"]
    assert texts(svg, "x") == ["1", "10", "50"]
    assert "callers" in texts(svg, "dim")


def test_who_does_not_see_it_is_told_the_figures() -> None:
    svg = drawn(COLD, LOAD)

    assert svg.attrib["role"] == "img"
    assert svg.findtext(f"{SVG}title") == "Cold start; Load"
    assert svg.findtext(f"{SVG}desc") == (
        "Cold start, ms: ours 123, documented way 1,230, nothing 0. "
        "Load, per second, by callers: built-in 20.0 at 1, 24.5 at 10, 24.0 at 50; "
        "custom 25.0 at 1, 210 at 10, 412 at 50."
    )


@pytest.mark.parametrize(
    "panel",
    [Bars("Panel", "ms", []), Lines("Panel", "ms", "x", [], {"one": []}), Lines("Panel", "ms", "x", [1], {})],
    ids=["no rows", "no xs", "no series"],
)
def test_a_panel_without_data_says_so(panel: Bars | Lines) -> None:
    svg = drawn(panel)

    assert texts(svg, "dim") == ["no data"]
    assert svg.findtext(f"{SVG}desc", "").endswith(": no data.")


def test_a_plot_without_panels_is_a_document() -> None:
    assert size(drawn())[1] == 0


def test_texts_are_escaped() -> None:
    text = """<b a="1" c='2'>&amp;]]></b>"""
    svg = drawn(Bars(text, text, [(text, 1)]), Lines(text, text, text, [1], {text: [1]}))

    assert texts(svg, "title") == [f"{text}, {text}"] * 2
    assert texts(svg, "label") == texts(svg, "legend") == [text]
    assert text in texts(svg, "dim")
    assert svg.findtext(f"{SVG}title") == f"{text}; {text}"
    assert f"{text} 1.00" in svg.findtext(f"{SVG}desc", "")


def test_the_same_input_gives_the_same_document() -> None:
    assert draw(EVERY) == draw(list(EVERY))


def test_each_colour_of_the_light_has_one_for_the_dark() -> None:
    style = drawn(COLD, MANY).findtext(f"{SVG}style", "")
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    colours: list[Mapping[str, str]] = [dict(re.findall(r"(\S+) { color: (#\w{6}); }", half)) for half in (light, dark)]

    assert {"svg", ".back", ".dim", ".grid", ".c0", ".c4"} <= colours[0].keys() == colours[1].keys()
    assert all(colours[0][name] != colours[1][name] for name in colours[0])


def test_it_runs_nothing_and_loads_nothing() -> None:
    document = draw(EVERY)

    assert re.findall(r"\w+://[^\"]*|url\(|@import|href", document) == ["http://www.w3.org/2000/svg"]
    assert "script" not in document


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1])
def test_what_has_no_length_is_refused(value: float) -> None:
    for panel in (
        Bars("Panel", "ms", [("one", 1), ("two", value), ("two", 1)]),
        Lines("Panel", "ms", "x", [1, 2], {"one": [1, 2], "two": [value, 1]}),
    ):
        with pytest.raises(ValueError, match="Panel: a value is negative or no finite number"):
            draw([panel])


@pytest.mark.parametrize(
    ("xs", "values", "message"),
    [
        ([1, math.nan], [1, 2], "an x is no finite number"),
        ([1, 2], [1], "a series has not one value for each x"),
        ([1], [1, 2], "a series has not one value for each x"),
        ([], [1], "a series has not one value for each x"),
    ],
)
def test_a_series_that_does_not_fit_its_xs_is_refused(xs: list[float], values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=f"Panel: {message}"):
        draw([Lines("Panel", "ms", "x", xs, {"one": values})])
