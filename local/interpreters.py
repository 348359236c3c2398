"""The Pythons of this machine; `python -m local.interpreters` prints those of the runtimes, a path a line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.command_line import run

# The built-in runtimes of Function Compute that this project supports.
VERSIONS = ("3.10", "3.12")
_PRINT_VERSION = "import sys; print(*sys.version_info[:2], sep='.')"
_TIMEOUT_S = 20


def find_interpreter(version: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return a Python of this minor version: the running one, one on PATH, or one of pyenv's.

    Each candidate is run, because pyenv's stand-ins on PATH exist for versions that are not selected, too.

    Args:
        version: major and minor, `3.12`.
        environ: the environment.
    """
    return next((path for path in _candidates(version, environ) if _version_of(path) == version), None)


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[str]:
    name = f"python{version}"
    yield sys.executable
    on_path = shutil.which(name, path=environ.get("PATH"))
    if on_path:
        yield on_path
    pyenv = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/"), ".pyenv"))
    # Newest patch release first.
    found = pyenv.glob(f"versions/{version}.*/bin/{name}")
    yield from map(str, sorted(found, key=lambda path: (len(path.parts[-3]), path.parts[-3]), reverse=True))


def _version_of(interpreter: str) -> str | None:
    command = [interpreter, "-c", _PRINT_VERSION]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)  # noqa: S603 - no shell
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip()


def main() -> int:
    """Print the interpreters found, oldest first; return 1 if there is none, since then nothing would be checked."""
    found = {version: find_interpreter(version) for version in VERSIONS}
    for version, path in found.items():
        if path:
            sys.stdout.write(f"{path}\n")
        else:
            sys.stderr.write(f"no Python {version} on this machine: not checked on it\n")
    return 0 if any(found.values()) else 1


if __name__ == "__main__":
    run(main)
