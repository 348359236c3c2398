"""The zip that would be deployed: whether it exists, is built from these sources, and loads on its runtime."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from local.doctor.case import Case
from local.doctor.check import Check, failed, ok, warning
from local.package import TARGETS

_CUSTOM = "python3.12"
_EXTENSION = re.compile(r".*\.cpython-(\d+)-[^/]*\.so")


def check_package(case: Case) -> Iterator[Check]:
    """Check `dist/<function>.zip`."""
    archive = Path("dist", f"{case.function}.zip")
    runtime = _runtime_of(case)
    remedy = f"make package FUNCTION={case.function} RUNTIME={runtime}"
    try:
        with zipfile.ZipFile(case.root / archive) as package:
            faults = [*_stale(case, package), *_foreign(package, runtime)]
    except FileNotFoundError:
        yield warning("package", f"{archive.as_posix()} is not built yet", remedy)
        return
    except (zipfile.BadZipFile, OSError):
        yield failed("package", f"{archive.as_posix()} cannot be read", remedy)
        return
    for fault in faults:
        yield failed("package", f"{archive.as_posix()}: {fault}", remedy)
    if not faults:
        yield ok("package", f"{archive.as_posix()} is built from these sources, for {runtime}")


def _runtime_of(case: Case) -> str:
    """Return the built-in runtime that the function, or what its custom runtime brings, is."""
    chosen = next((str(props.get("runtime")) for props in case.deployment.resources.values()), _CUSTOM)
    return chosen if chosen in TARGETS else _CUSTOM


def _stale(case: Case, package: zipfile.ZipFile) -> Iterator[str]:
    """Yield what the package lacks or has in another version."""
    names = set(package.namelist())
    folder = case.root / "functions" / case.function
    sources = {name: folder / name for name in ("index.py", "callers.toml", "openapi.json")}
    sources |= {path.relative_to(case.root).as_posix(): path for path in case.root.joinpath("shared").rglob("*.py")}
    for name in sorted(sources):
        if not sources[name].is_file():
            yield f"{name} is no longer in the sources"
        elif name not in names:
            yield f"{name} is missing"
        elif package.read(name) != sources[name].read_bytes():
            yield f"{name} differs from the sources"
    for name in sorted(names - sources.keys()):
        if name.startswith("shared/") and name.endswith(".py"):
            yield f"{name} is no longer in the sources"


def _foreign(package: zipfile.ZipFile, runtime: str) -> Iterator[str]:
    """Yield the versions of Python whose extensions the package has and the runtime does not load."""
    own = TARGETS[runtime].python.replace(".", "")
    tags = {match[1] for name in package.namelist() if (match := _EXTENSION.fullmatch(name))}
    for tag in sorted(tags - {own}):
        yield f"its extensions are for Python {tag[0]}.{tag[1:]}, not for {runtime}"
