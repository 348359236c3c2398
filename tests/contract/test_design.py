"""docs/design.md and its picture: the steps are the pipeline's."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from local.explain.walk import walk
from shared import function
from tests.builders import environment, http_event
from tests.contract.documents import ROOT, read

PICTURE = ET.fromstring(read("docs/pipeline.svg"))  # noqa: S314 - our own file
SVG = "{http://www.w3.org/2000/svg}"


def pipeline() -> list[str]:
    """Return the steps as `shared/function.py` draws them."""
    (line,) = re.findall(r"^ +(\w+(?: → \w+)+)$", function.__doc__ or "", re.MULTILINE)
    steps: list[str] = line.split(" → ")
    return steps


def test_the_pictures_steps_are_the_roads_in_their_order() -> None:
    assert [text.text for text in PICTURE.iter(f"{SVG}text") if text.get("class") == "step"] == pipeline()


def test_a_request_goes_the_way_that_is_drawn() -> None:
    done = walk(
        http_event(),
        ROOT / "functions" / "mute_call" / "callers.toml",
        environment(),
        function="mute_call",
        runtime="python3.12",
        now=0,
    )
    passed = list(done.found)
    # Both name some steps that the other takes together.
    assert [step for step in passed if step in pipeline()] == [step for step in pipeline() if step in passed]
    assert {"caller", "verify", "decode", "parameters"} <= set(passed)


def test_the_picture_says_in_words_what_it_shows() -> None:
    assert PICTURE.get("role") == "img"
    title, description = (PICTURE.find(f"{SVG}{name}") for name in ("title", "desc"))
    assert title is not None
    assert description is not None
    assert PICTURE.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert ", ".join(pipeline()) in (description.text or "")
