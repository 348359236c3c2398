"""Installs the target's wheels into a folder, with pip."""

import subprocess
import sys
import tempfile
from pathlib import Path

from local.package.errors import PackageError
from local.package.requirements import select
from local.package.targets import Target

_LAST_LINES = 5


def install(lock: Path, target: Target, folder: Path) -> None:
    """Install what the target needs, hash-checked, wheels only.

    Args:
        lock: the locked requirements.
        target: what for; it need not be the running interpreter.
        folder: an empty folder, becomes the root of the imports.

    Raises:
        PackageError: the lock is missing or not one, or pip fails; the text ends with pip's own words.
    """
    try:
        selected = select(lock.read_text(encoding="utf-8"), target)
    except OSError as error:
        raise PackageError(f"{lock}: {error.strerror}") from None
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch, "requirements.txt")
        listed.write_text(selected, encoding="utf-8")
        run = subprocess.run(  # noqa: S603 - no shell
            [sys.executable, "-m", "pip", *pip_arguments(target, listed, folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode:
        raise PackageError("\n".join(["pip failed:", *run.stderr.strip().splitlines()[-_LAST_LINES:]]))


def pip_arguments(target: Target, listed: Path, folder: Path) -> list[str]:
    """Return pip's command line.

    Args:
        target: the wheels' tags come from it, not from the interpreter that runs pip.
        listed: requirements without markers, complete, with hashes.
        folder: where to.
    """
    platforms = [argument for tag in target.platforms for argument in ("--platform", tag)]
    return [
        "install",
        # Errors only: warnings of the developer's own pip configuration are no concern of the package.
        *("--quiet", "--quiet"),
        *("--disable-pip-version-check", "--no-input", "--no-compile"),
        # The list is complete. What its distributions ask for, pip would judge by the interpreter that runs it: their
        # dependencies' markers, and the Python they require.
        *("--no-deps", "--ignore-requires-python"),
        "--require-hashes",
        *("--only-binary", ":all:"),
        *("--implementation", "cp", "--python-version", target.python, "--abi", target.abi),
        *platforms,
        *("--target", str(folder)),
        *("--requirement", str(listed)),
    ]
