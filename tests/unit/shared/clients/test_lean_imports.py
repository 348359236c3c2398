"""What the imports of a cold start leave out, in a process of its own: it changes how classes are made."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CLASSES = """
from __future__ import annotations
import copy, dataclasses, gc, re, sys, typing
from shared.clients.lean_imports import lean
before = dataclasses.__dict__.get("_create_fn"), typing.TypedDict, re.compile
with lean():
    disabled = not gc.isenabled()

    @dataclasses.dataclass(frozen=True, slots=True, order=True)
    class Point:
        x: int
        self: int = 0
        tags: list[str] = dataclasses.field(default_factory=list)

    @dataclasses.dataclass
    class Base:
        a: int
        def __post_init__(self): self.a *= 2

    @dataclasses.dataclass
    class Child(Base):
        b: int = 1
        def __init__(self, a): super().__init__(a)

    pattern = re.compile("(?P<word>b+)", re.IGNORECASE)
    compiled = not hasattr(pattern, "__dict__") or "fullmatch" in vars(pattern)
    import importlib.metadata
    import zoneinfo
    import pydantic_core.core_schema
assert gc.isenabled()
assert (dataclasses.__dict__.get("_create_fn"), typing.TypedDict, re.compile) == before
for _ in range(2):
    assert Point(1, self=2) == Point(1, 2, []) != Point(1)
    assert Point(1) < Point(2)
    assert repr(Point(1)) == "Point(x=1, self=0, tags=[])"
    assert dataclasses.replace(Point(1), x=3).x == 3
    assert Child(2).a == 4
    assert isinstance(pattern, re.Pattern)
    assert copy.copy(pattern).fullmatch("bB")["word"] == "bB"
    assert re.sub(pattern, "x", "aBbc") == re.compile(pattern).sub("x", "aBbc") == "axc"
    assert (pattern.groups, pattern.pattern) == (1, "(?P<word>b+)")
try:
    Point(1).x = 2
except dataclasses.FrozenInstanceError:
    pass
else:
    raise AssertionError
"""
LEAN = """
assert disabled
assert not compiled
assert not hasattr(pydantic_core.core_schema.IntSchema, "__total__")
try:
    zoneinfo.ZoneInfo("UTC")
except ImportError as error:
    assert "zoneinfo.ZoneInfo is used" in str(error), error
else:
    raise AssertionError
import importlib
assert not hasattr(importlib, "metadata")
import importlib.metadata
assert importlib.metadata.version("pydantic")
"""
FULL = """
assert not disabled
assert compiled
assert zoneinfo.ZoneInfo("UTC")
assert pydantic_core.core_schema.IntSchema.__annotations__
"""


@pytest.mark.parametrize(("switch", "more"), [("", LEAN), ("off", FULL)], ids=["lean", "switched off"])
def test_classes_are_what_they_would_be_and_what_is_left_out_says_so(switch: str, more: str) -> None:
    run = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-W", "ignore", "-c", CLASSES + more],
        env={**os.environ, "LEAN_IMPORTS": switch},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
