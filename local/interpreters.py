"""The Pythons of this machine: `python -m local.interpreters oldest` prints the path of one; or newest, or runtime."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from local.cli.command_line import run

# What this project supports, and among them the built-in runtimes of Function Compute.
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
RUNTIMES = ("3.10", "3.12")
_CHOICES = {"oldest": (VERSIONS, 0), "newest": (VERSIONS, -1), "runtime": (RUNTIMES, -1)}
# Without ensurepip, which Debian has in a package of its own, it makes no environment.
_PRINT_VERSION = "import ensurepip, sys; print(*sys.version_info[:2], sep='.')"
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the interpreter that is asked for; return 1 if there is none, or if it is not clear which.

    Args:
        arguments: `oldest` or `newest` of those that this project supports, or `runtime`, the newest of a runtime.
    """
    choice, *others = (sys.argv[1:] if arguments is None else arguments) or [""]
    if others or choice not in _CHOICES:
        sys.stderr.write(f"python -m local.interpreters {'|'.join(_CHOICES)}\n")
        return 1
    versions, place = _CHOICES[choice]
    found = [path for version in versions if (path := find_interpreter(version))]
    if not found:
        sys.stderr.write(f"no Python {', '.join(versions)} with venv on this machine\n")
        return 1
    sys.stdout.write(f"{found[place]}\n")
    return 0


if __name__ == "__main__":
    run(main)
