"""The functions of this repository by the names of their folders, for tools that take one of them."""

from __future__ import annotations

from pathlib import Path

from functions.mute_call.index import MUTE_CALL
from functions.unmute_call.index import UNMUTE_CALL
from shared.pages import BUILD, read_build

ACTIONS = {"mute_call": MUTE_CALL, "unmute_call": UNMUTE_CALL}


def built(root: Path, function: str) -> str | None:
    """Return the build of the package that lies in dist/, `None` where there is none.

    Args:
        root: of the repository.
        function: the name of its folder.
    """
    return read_build(root / "dist" / function / BUILD)
