"""Compiles bytecode for the target's Python.

The code folder of a built-in runtime counts as read-only. Without bytecode in the package, every cold start compiles
everything again.
"""

import os
import subprocess
from pathlib import Path

from local.package.errors import PackageError

# Where Function Compute unpacks the code, for tracebacks; and the same bytes from whatever folder they are built in.
_CODE = "/code"


def compile_folder(folder: Path, interpreter: str) -> None:
    """Write a `.pyc` beside every `.py`.

    They are never checked against their sources: those cannot change, and time stamps do not survive the zip.

    Args:
        folder: the root of the imports.
        interpreter: a Python of the target's minor version.

    Raises:
        PackageError: a file does not compile.
    """
    run = subprocess.run(  # noqa: S603 - an interpreter and a folder, no shell
        [
            *(interpreter, "-s", "-S", "-m", "compileall", "-q", "-f"),
            *("--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", _CODE, str(folder)),
        ],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise PackageError(f"bytecode: {(run.stdout + run.stderr).strip()}")


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # Without a fixed seed Python 3.10 writes sets in an order of the day.
    return {**own, "PYTHONHASHSEED": "0"}
