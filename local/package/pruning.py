"""Which files of an installed dependency the function needs at run time (pure)."""

from collections.abc import Iterable
from pathlib import PurePosixPath

# What belongs to building, typing and testing; no module opens such a file.
_NEEDLESS_SUFFIXES = frozenset([".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".pyc"])
_NEEDLESS_NAMES = frozenset(["py.typed", "pytest_plugin.py"])
_NEEDLESS_FOLDERS = frozenset(["__pycache__", "test", "tests"])

# Command-line tools; only at the root, where pip puts them.
_NEEDLESS_ROOTS = frozenset(
    [
        "bin",
        # Compiles C declarations. cryptography, which asks for cffi, needs `_cffi_backend` alone.
        "cffi",
        "pycparser",
    ]
)


def needless(paths: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """Return those of the paths, relative to the root of the imports, that need not be shipped.

    No `*.dist-info` is read on the way of a request: pydantic and apscheduler ask for entry points and versions there
    and do without, all else asks in command-line tools and error reports. The packaged smoke test is the proof.
    """
    return [path for path in paths if _is_needless(path)]


def _is_needless(path: PurePosixPath) -> bool:
    root, *_ = path.parts
    return (
        root in _NEEDLESS_ROOTS
        or root.endswith(".dist-info")
        or not _NEEDLESS_FOLDERS.isdisjoint(path.parts[:-1])
        or path.suffix in _NEEDLESS_SUFFIXES
        or path.name in _NEEDLESS_NAMES
        # Extensions that exist for the tests of their package.
        or (path.suffix == ".so" and path.name.startswith("_test"))
    )
