"""`python -m local.package.checkout`: a checkout that uses the files of the package, for `make test-packaged`.

    package for the running Python + the repository without what the package has → dist/checkout

In its folder `shared`, the function and every shipped library come from the package: pruned, and with its bytecode.
Only packages that are not shipped come from the environment.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from local.cli.command_line import run
from local.package.build import build_package
from local.package.errors import PackageError
from local.package.targets import TARGETS, Target

# Tells such a checkout from the repository; holds the name of the runtime.
MARKER = ".packaged"
# Where the package itself stands in it.
DIST = "dist"

_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENTS = ".venv"
_SHARED = "shared"


def main(
    arguments: Sequence[str] | None = None, root: Path = _ROOT, version: tuple[int, int] = sys.version_info[:2]
) -> int:
    """Build and compose; return the exit code: 0, or 1 with the reason on stderr.

    Args:
        arguments: of the command line.
        root: of the repository.
        version: of the Python that runs.
    """
    parser = argparse.ArgumentParser(prog="python -m local.package.checkout", description=__doc__)
    parser.add_argument("--function", default="mute_call", help="folder under functions/ (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=_ROOT / "dist/checkout", help="(default: dist/checkout)")
    options = parser.parse_args(arguments)
    try:
        target = target_for(version)
        start(options.output, target)
        package = build_package(root, options.function, target, options.output / DIST, report=_report)
        compose(root, options.function, package.folder, options.output)
    except BrokenPipeError:
        raise
    except (PackageError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    _report(f"{options.output}  {target.runtime}  sha256 {package.sha256}")
    return 0


def target_for(version: tuple[int, int]) -> Target:
    """Return the runtime of this version of Python.

    Raises:
        PackageError: there is none, so that a package could not be run here.
    """
    for target in TARGETS.values():
        if target.version == version:
            return target
    known = " or ".join(sorted(f"PYTHON=python{target.python}" for target in TARGETS.values()))
    raise PackageError(f"no runtime has Python {'.'.join(map(str, version))}: choose {known}")


def start(checkout: Path, target: Target) -> None:
    """Make the folder, empty but for its marker; an older checkout is replaced.

    Raises:
        PackageError: something else is there.
    """
    marker = checkout / MARKER
    if checkout.exists():
        if not marker.is_file():
            raise PackageError(f"{checkout}: exists, and is no checkout of this command")
        shutil.rmtree(checkout)
    checkout.mkdir(parents=True)
    # First of all, so that what a run has left half done can be replaced.
    marker.write_text(f"{target.runtime}\n", encoding="utf-8")


def compose(root: Path, function: str, package: Path, checkout: Path) -> None:
    """Fill the checkout with the repository, and in the place of what is deployed with the package.

    Args:
        root: of the repository.
        function: the folder's name.
        package: the unpacked package.
        checkout: a folder with nothing of either.

    Raises:
        PackageError: the package has a name of the repository's at its top.
    """
    left_out = root.joinpath(".gitignore").read_text(encoding="utf-8").split()
    patterns = [".git", *(pattern.rstrip("/") for pattern in left_out)]
    shutil.copytree(root, checkout, ignore=shutil.ignore_patterns(*patterns), symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(checkout / _SHARED)
    taken = sorted(path.name for path in package.iterdir() if checkout.joinpath(path.name).exists())
    if taken:
        raise PackageError(f"the package ships {', '.join(taken)}, which the repository has as well")
    shutil.copytree(package, checkout, dirs_exist_ok=True)
    _move_entry_points(checkout, checkout / "functions" / function)
    if root.joinpath(_ENVIRONMENTS).exists():
        # For tests that run make.
        checkout.joinpath(_ENVIRONMENTS).symlink_to(root / _ENVIRONMENTS)


def _move_entry_points(checkout: Path, folder: Path) -> None:
    """Move the function's files, which the package has at its top, to where the repository has them."""
    for path in sorted(folder.iterdir()):
        shipped = checkout / path.name
        if shipped.is_file():
            shipped.replace(path)
            for bytecode in checkout.glob(f"__pycache__/{path.stem}.*.pyc"):
                folder.joinpath("__pycache__").mkdir(exist_ok=True)
                bytecode.replace(folder / "__pycache__" / bytecode.name)


def _report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run(main)
