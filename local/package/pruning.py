"""Which files of an installed dependency the function needs at run time (pure)."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from shared.clients import import_stubs

# What belongs to building, typing and testing; no module opens such a file.
_NEEDLESS_SUFFIXES = frozenset([".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".pyc"])
_NEEDLESS_NAMES = frozenset(["py.typed"])
_NEEDLESS_FOLDERS = frozenset(["__pycache__", "test", "tests"])

# Command-line tools; only at the root, where uv puts them.
_NEEDLESS_ROOTS = frozenset(["bin"])

# Parts of libraries that nothing on the way of a request imports.
_NEEDLESS_PARTS = frozenset(
    PurePosixPath(*name.split("."))
    for name in (
        *(name for name in import_stubs.SDK if "." in name),
        *import_stubs.REDIS,
        *import_stubs.OSS,
        # Clients for other services than a bucket's objects.
        *(f"alibabacloud_oss_v2.{part}" for part in ("agentic", "aio", "dataprocess", "tables", "vectors")),
        # Commands of Redis's extensions, imported by whoever asks for such a command.
        *(f"redis.commands.{extension}" for extension in ("bf", "json", "search", "timeseries", "vectorset")),
        # A client for several databases at once.
        "redis.multidb",
        # The interface of pydantic 1.
        "pydantic.v1",
        # Other protocols than HTTP, other workers than threads, and what steers a running server.
        *(f"gunicorn.{part}" for part in ("asgi", "ctl", "dirty", "instrument", "uwsgi")),
    )
)


def needless(paths: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """Return those of the paths, relative to the root of the imports, that need not be shipped.

    No `*.dist-info` is read on the way of a request: pydantic asks for entry points there and does without, all else
    asks in command-line tools and error reports. The packaged smoke test is the proof.
    """
    return [path for path in paths if _is_needless(path)]


def _is_needless(path: PurePosixPath) -> bool:
    root, *_ = path.parts
    return (
        root in _NEEDLESS_ROOTS
        or root.endswith(".dist-info")
        or not _NEEDLESS_FOLDERS.isdisjoint(path.parts[:-1])
        or not _NEEDLESS_PARTS.isdisjoint(path.parents)
        or path.suffix in _NEEDLESS_SUFFIXES
        or path.name in _NEEDLESS_NAMES
        # Extensions that exist for the tests of their package.
        or (path.suffix == ".so" and path.name.startswith("_test"))
    )
