"""The subjects of a benchmark: this package, the documented way with and without bytecode, and the floor."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.package import TARGETS, Target, build_package
from local.package.archive import write_zip
from local.package.bytecode import compile_folder

ROOT = Path(__file__).parents[2]
OURS, DOCUMENTED, DOCUMENTED_BARE, FLOOR = (
    "this function",
    "documented way, bytecode",
    "documented way, no bytecode",
    "standard library alone",
)
_HERE = Path(__file__).parent
_SDK = "alibabacloud-ccc20200701"


class Subject(NamedTuple):
    """One code folder, and its zip's size in bytes."""

    name: str
    folder: Path
    size: int


def build(folder: Path) -> dict[str, Subject]:
    """Build all subjects below a folder, for the Python that runs.

    Raises:
        PackageError: our package cannot be built.
    """
    runtime = "python{}.{}".format(*sys.version_info)
    target = TARGETS.get(runtime) or Target(runtime, sys.version_info[:2], TARGETS["python3.12"].glibc)
    package = build_package(ROOT, "mute_call", target, folder / "dist", report=lambda _: None)
    ours = Subject(OURS, package.folder, package.archive.stat().st_size)
    others = [
        _documented(folder / "documented", DOCUMENTED, bytecode=True),
        _documented(folder / "bare", DOCUMENTED_BARE, bytecode=False),
        _floor(folder / "floor"),
    ]
    return {subject.name: subject for subject in (ours, *others)}


def _documented(folder: Path, name: str, *, bytecode: bool) -> Subject:
    """Put the product SDK beside its handler, as `pip install --target` does."""
    for each in _with_requirements(_SDK):
        for file in each.files or ():
            source = Path(str(file.locate()))
            if "__pycache__" not in file.parts and ".." not in file.parts and source.is_file():
                folder.joinpath(file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, folder / file)
    shutil.copyfile(_HERE / "documented.py", folder / "index.py")
    return _finished(folder, name, bytecode=bytecode)


def _floor(folder: Path) -> Subject:
    folder.mkdir(parents=True)
    shutil.copyfile(_HERE / "floor.py", folder / "index.py")
    return _finished(folder, FLOOR, bytecode=True)


def _finished(folder: Path, name: str, *, bytecode: bool) -> Subject:
    if bytecode:
        compile_folder(folder, sys.executable)
    archive = folder.with_suffix(".zip")
    write_zip(folder, archive)
    return Subject(name, folder, archive.stat().st_size)


def _with_requirements(name: str) -> Iterator[Distribution]:
    """Yield a distribution of the running environment and all that it needs."""
    seen: set[str] = set()
    waiting = [canonicalize_name(name)]
    while waiting:
        needed = waiting.pop()
        if needed in seen:
            continue
        seen.add(needed)
        try:
            found = distribution(needed)
        except PackageNotFoundError:
            # It is for another platform, or for an extra that is not installed.
            continue
        yield found
        requirements = [Requirement(text) for text in found.requires or ()]
        waiting += [
            canonicalize_name(each.name)
            for each in requirements
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
