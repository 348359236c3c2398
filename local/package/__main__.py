"""`python -m local.package`: builds the package of one function for one runtime."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from local.cli.command_line import run
from local.package.build import build_package
from local.package.errors import PackageError
from local.package.targets import DEFAULT_RUNTIME, TARGETS, target_of

_ROOT = Path(__file__).resolve().parents[2]
_MEGABYTE = 1_000_000


def main(arguments: Sequence[str] | None = None, root: Path = _ROOT) -> int:
    """Build the package; return the exit code: 0, or 1 with the reason on stderr.

    Args:
        arguments: of the command line.
        root: of the repository.
    """
    options = _parser().parse_args(arguments)
    try:
        target = target_of(options.runtime)
        package = build_package(root, options.function, target, options.output, report=_report)
    except BrokenPipeError:
        raise
    except (PackageError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if not package.has_bytecode:
        sys.stderr.write(f"no python{target.python} found: without bytecode every cold start takes longer\n")
    size = package.archive.stat().st_size / _MEGABYTE
    _report(f"{package.archive}  {target.runtime}  {size:.2f} MB  build {package.build}  sha256 {package.sha256}")
    return 0


def _report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.package", description=__doc__)
    add = parser.add_argument
    add("--function", default="mute_call", help="the folder under functions/ (default: %(default)s)")
    add("--runtime", default=DEFAULT_RUNTIME, help=f"{' or '.join(TARGETS)} (default: %(default)s)")
    add("--output", type=Path, default=_ROOT / "dist", help="the folder for the results (default: dist)")
    return parser


if __name__ == "__main__":
    run(main)
