"""What is locked, and in effect: with its markers read for all Pythons supported, whichever runs here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from local.interpreters import VERSIONS
from local.package.requirements import select
from local.package.targets import DEFAULT_RUNTIME, Target, target_of

FUNCTION = "requirements/function.txt"
LOCKS = (FUNCTION, "requirements/dev.txt")


def read_locks(root: Path) -> dict[str, frozenset[str]]:
    """Return the requirements of each lock, `name==version --hash=…`; a package may be there in two versions.

    pip-audit would read markers for the Python that runs it, and so pass over what only another one needs.

    Args:
        root: of the repository.

    Raises:
        PackageError: a line is no pinned requirement with a hash.
        OSError: a lock cannot be read.
    """
    return {name: _effective(root.joinpath(name).read_text(encoding="utf-8")) for name in LOCKS}


def _effective(lock: str) -> frozenset[str]:
    return frozenset(line for version in VERSIONS for line in select(lock, _on(version)).splitlines())


def _on(version: str) -> Target:
    major, minor = map(int, version.split("."))
    return replace(target_of(DEFAULT_RUNTIME), version=(major, minor))


def name_and_version(requirement: str) -> tuple[str, str]:
    """Return name and version of a locked requirement; extras are no part of the name."""
    name, _, version = requirement.partition(" ")[0].partition("==")
    return name.partition("[")[0], version
