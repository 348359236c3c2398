"""Bytecode of the target's Python beside the sources.

The code folder of a built-in runtime is to be taken for read-only: without shipped bytecode every cold start compiles
everything anew.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.package.errors import PackageError
from local.package.targets import Target

# Where Function Compute unpacks the code, for tracebacks; and the same bytes from whatever folder they are built in.
_CODE = "/code"
_VERSION = "import sys; print(*sys.version_info[:2], sep='.')"


def find_interpreter(target: Target, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return a Python of the target's minor version: the running one, one on PATH, or one of pyenv's.

    Each candidate is run, because pyenv's stand-ins on PATH exist for versions that are not selected, too.
    """
    return next((path for path in _candidates(target, environ) if _version_of(path) == target.python), None)


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


def _candidates(target: Target, environ: Mapping[str, str]) -> Iterator[str]:
    name = f"python{target.python}"
    yield sys.executable
    on_path = shutil.which(name, path=environ.get("PATH"))
    if on_path:
        yield on_path
    pyenv = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/"), ".pyenv"))
    # Newest patch release first.
    found = pyenv.glob(f"versions/{target.python}.*/bin/{name}")
    yield from map(str, sorted(found, key=lambda path: (len(path.parts[-3]), path.parts[-3]), reverse=True))


def _version_of(interpreter: str) -> str | None:
    try:
        command = [interpreter, "-I", "-c", _VERSION]
        run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a constant, no shell
    except OSError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None
