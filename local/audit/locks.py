"""What is locked, and in effect: with its markers read for the runtimes, whatever Python runs here."""

from __future__ import annotations

from pathlib import Path

from local.package.requirements import select
from local.package.targets import TARGETS

FUNCTION = "requirements/function.txt"
LOCKS = (FUNCTION, "requirements/dev.txt")


def read_locks(root: Path) -> dict[str, frozenset[str]]:
    """Return the requirements of each lock, `name==version --hash=…`; a package may be there in two versions.

    pip-audit would read markers for the Python that runs it, and so pass over what only another runtime needs.

    Args:
        root: of the repository.

    Raises:
        PackageError: a line is no pinned requirement with a hash.
        OSError: a lock cannot be read.
    """
    return {name: _effective(root.joinpath(name).read_text(encoding="utf-8")) for name in LOCKS}


def _effective(lock: str) -> frozenset[str]:
    return frozenset(line for target in TARGETS.values() for line in select(lock, target).splitlines())


def name_and_version(requirement: str) -> tuple[str, str]:
    """Return name and version of a locked requirement."""
    name, _, version = requirement.partition(" ")[0].partition("==")
    return name, version
