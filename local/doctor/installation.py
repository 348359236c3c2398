"""The running Python, and the packages in its environment. Needs only the standard library."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from local.doctor.check import Check, failed, ok

OLDEST = (3, 10)
INSTALL = "make install, then in this shell the command that `make shell` prints"
_LOCK = Path("requirements", "dev.txt")


def check_python(running: tuple[int, int] = sys.version_info[:2]) -> Iterator[Check]:
    """Check the version of the running Python."""
    oldest = ".".join(map(str, OLDEST))
    if running < OLDEST:
        found = ".".join(map(str, running))
        yield failed(
            "python", f"{found} is older than {oldest}", f"make install PYTHON=…, with Python {oldest} or later"
        )
    else:
        yield ok("python", platform.python_version())


def check_requirements(root: Path) -> Iterator[Check]:
    """Check that the installed packages are the locked ones.

    Args:
        root: of the repository.
    """
    try:
        from packaging.requirements import Requirement  # noqa: PLC0415 - it may be what is missing
    except ImportError:
        yield failed("requirements", "packaging is not installed", INSTALL)
        return
    try:
        lock = root.joinpath(_LOCK).read_text(encoding="utf-8")
    except OSError as error:
        yield failed("requirements", f"{_LOCK.as_posix()}: {error.strerror}", "restore the file from the repository")
        return
    lines = (line.strip().removesuffix("\\").strip() for line in lock.splitlines())
    locked = [Requirement(line) for line in lines if line and not line.startswith(("#", "--"))]
    needed = [each for each in locked if each.marker is None or each.marker.evaluate()]
    wrong = [told for each in needed if (told := _difference(each.name, str(each.specifier).removeprefix("==")))]
    if wrong:
        rest = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""  # noqa: PLR2004 - as many as fit on a line
        yield failed("requirements", f"{', '.join(wrong[:3])}{rest}", INSTALL)
    else:
        yield ok("requirements", f"{len(needed)} distributions as locked in {_LOCK.as_posix()}")


def _difference(name: str, locked: str) -> str | None:
    try:
        installed = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed"
    return None if installed == locked else f"{name} is {installed}, locked is {locked}"
