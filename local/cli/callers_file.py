"""The callers file as an argument of a command; an error in it is reported in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local.cli.command_line import UsageError
from shared.callers.caller import Caller
from shared.callers.file import load_callers
from shared.problems import ConfigurationError


def read_callers(path: Path) -> dict[str, Caller]:
    """Return the callers of a file, by name.

    Raises:
        UsageError: the file is missing, unreadable or wrong.
    """
    try:
        return load_callers(path).callers
    except ConfigurationError as error:
        # A command may read several files.
        told = "; ".join(reason.removeprefix("callers file: ") for reason in error.reasons)
        raise UsageError(told if str(path) in told else f"{path}: {told}") from None


def caller_named(name: str, callers: Mapping[str, Caller], path: Path) -> Caller:
    """Return a caller.

    Args:
        name: of the caller.
        callers: those of the file.
        path: the file.

    Raises:
        UsageError: the file has none of this name.
    """
    if name not in callers:
        raise UsageError(f"{path} has no caller {name}; it has {', '.join(callers)}")
    return callers[name]
