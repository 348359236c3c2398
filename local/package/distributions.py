"""Finds the installed distributions that the function needs.

A distribution's requirements list everything that it may ever need. Modules that `shared/clients/import_stubs.py`
replaces are never loaded, nor are modules that only those would load. Neither is shipped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from local.package.targets import Target


def drop_unreached(folder: Path, wanted: str, absent: Collection[str], target: Target) -> list[str]:
    """Remove the files of all distributions that are not reached; return the names of those that stay, sorted.

    Args:
        folder: root of the imports, as uv has left it.
        wanted: text of the requirements file that names what the function imports.
        absent: modules that are never loaded; a distribution with one of them at its top is left out.
        target: for which environment markers are evaluated.
    """
    installed = {canonicalize_name(each.name): each for each in distributions(path=[str(folder)])}
    loaded = {name: each for name, each in installed.items() if _roots(each).isdisjoint(absent)}
    kept: set[NormalizedName] = set()
    waiting = [name for name in _names(_lines(wanted), target) if name in loaded]
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += [needed for needed in _names(loaded[name].requires or [], target) if needed in loaded]
    for name, each in installed.items():
        if name not in kept:
            for file in each.files or []:
                folder.joinpath(file).unlink(missing_ok=True)
    return sorted(kept)


def _roots(distribution: Distribution) -> set[str]:
    """Return the names of modules and packages at the distribution's top."""
    return {file.parts[0].partition(".")[0] for file in distribution.files or []}


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        requirement = line.partition("#")[0].strip()
        if requirement:
            yield requirement


def _names(requirements: Iterable[str], target: Target) -> Iterator[NormalizedName]:
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(target.environment):
            yield canonicalize_name(requirement.name)
