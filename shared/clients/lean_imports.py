"""What else a cold start does not pay for, in the imports of a function's `index.py`.

| left out | why it may be | saves (CPU of 235 ms) |
| --- | --- | --- |
| collections of garbage | an import leaves next to none, and what it makes stays | 8 ms |
| methods of dataclasses | most are never called; compiled when they are | 17 ms |
| annotations of pydantic's schemas and its configuration | nothing reads these 693 | 10 ms |
| regular expressions of modules | many are never used; compiled when they are | 15 ms |
| `importlib.metadata`, `zoneinfo` | versions and plugins, looked up in files that are not shipped; time zones | 7 ms |

`LEAN_IMPORTS=off` in the environment switches all of it off.
"""

from __future__ import annotations

import gc
import os
import re
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from shared.clients.import_stubs import without

STANDARD_LIBRARY = ("importlib.metadata", "zoneinfo")


@contextmanager
def lean() -> Iterator[None]:
    """Import what the block imports at less cost: without garbage collection, because an import leaves no garbage."""
    if os.environ.get("LEAN_IMPORTS") == "off":
        yield
        return
    gc.disable()
    try:
        with _patterns_on_demand(), without(*STANDARD_LIBRARY), _methods_on_demand():
            _import_schemas()
            yield
    finally:
        gc.enable()
    # What is imported stays: later collections need not look at it.
    gc.freeze()


class _Pattern:
    """A regular expression that is compiled when it is first used; `isinstance` takes it for one."""

    __class__ = property(lambda _: re.Pattern)

    def __init__(self, make: Callable[[], re.Pattern[Any]]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        made = self._make()
        vars(self).update((each, getattr(made, each)) for each in dir(made) if not each.startswith("_"))
        return getattr(made, name)


@contextmanager
def _patterns_on_demand() -> Iterator[None]:
    """Let modules compile their regular expressions when they are first used."""
    real = re.compile
    vars(re)["compile"] = lambda *args, **kwargs: _Pattern(partial(real, *args, **kwargs))
    try:
        yield
    finally:
        vars(re)["compile"] = real


@contextmanager
def _methods_on_demand() -> Iterator[None]:
    """Let dataclasses compile their methods when they are first called.

    From Python 3.13 on they are made otherwise, and nothing is saved.
    """
    import dataclasses  # noqa: PLC0415 - what it imports has expressions too

    holder = vars(dataclasses)
    create: Callable[..., Any] | None = holder.get("_create_fn")
    if create is None:
        yield
        return

    def later(name: str, *args: Any, **kwargs: Any) -> Any:
        def method(self: Any, /, *values: Any, **named: Any) -> Any:
            made = create(name, *args, **kwargs)
            for owner in type(self).__mro__:
                if vars(owner).get(name) is method:
                    setattr(owner, name, made)
            return made(self, *values, **named)

        method.__name__ = name
        return method

    holder["_create_fn"] = later
    try:
        yield
    finally:
        holder["_create_fn"] = create


class _TypedDict(dict[str, Any]):
    """Stands in for `typing.TypedDict`: its annotations stay text."""

    def __init_subclass__(cls, **_: Any) -> None:
        pass


def _import_schemas() -> None:
    """Import pydantic's schemas without compiling their annotations."""
    import typing_extensions  # noqa: PLC0415 - as above

    holders = vars(typing), vars(typing_extensions)
    real = [holder["TypedDict"] for holder in holders]
    for holder in holders:
        holder["TypedDict"] = _TypedDict
    try:
        import pydantic.fields  # noqa: F401, PLC0415 - only here are they not compiled
        import pydantic_core.core_schema  # noqa: F401, PLC0415 - as above
    finally:
        for holder, kind in zip(holders, real, strict=True):
            holder["TypedDict"] = kind
