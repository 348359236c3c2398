"""Installs the target's wheels into a folder.

Only uv can do this: pip evaluates markers for the Python that runs it, whatever `--python-version` says, and would
leave out packages that only the target needs.
"""

import sys
from pathlib import Path

from local import uv
from local.package.errors import PackageError
from local.package.targets import Target


def install(lock: Path, target: Target, folder: Path) -> None:
    """Install what the target needs, hash-checked, wheels only.

    Args:
        lock: the locked requirements.
        target: what for; it need not be the running interpreter.
        folder: becomes the root of the imports.

    Raises:
        PackageError: uv cannot be had, or fails; it has said why.
    """
    if uv.main(uv_arguments(lock, target, folder)):
        raise PackageError(f"{lock}: uv has not installed it for {target.runtime}, and says why above")
    # Its own.
    folder.joinpath(".lock").unlink(missing_ok=True)


def uv_arguments(lock: Path, target: Target, folder: Path) -> list[str]:
    """Return uv's command line.

    Args:
        lock: complete, with hashes and markers.
        target: wheels and markers are judged by it.
        folder: where to.
    """
    return [
        *("pip", "install", "--quiet"),
        *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
        # It wants to know one, which need not be the target's.
        *("--python", sys.executable),
        *("--python-platform", target.platform, "--python-version", target.python),
        # Files are changed later: none may be the cache's own.
        *("--link-mode", "copy"),
        *("--target", str(folder)),
        *("--requirement", str(lock)),
    ]
