"""The locked requirements, as `make lock` writes them."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement

FUNCTION, DEV = Path("requirements", "function.txt"), Path("requirements", "dev.txt")


def read_lock(path: Path) -> list[Requirement]:
    """Return all requirements, whatever their markers; the hashes and comments below each of them are passed over.

    Args:
        path: of the lock.

    Raises:
        OSError: it cannot be read.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line.removesuffix("\\")) for line in lines if line and not line.startswith((" ", "#"))]
