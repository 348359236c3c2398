from __future__ import annotations

from pathlib import Path

import pytest

from local.package import TARGETS, PackageError
from local.package.requirements import select

ROOT = Path(__file__).parents[4]
OLD, NEW = TARGETS["python3.10"], TARGETS["python3.12"]


@pytest.mark.parametrize(
    ("marker", "old", "new"),
    [
        ("", True, True),
        (" ; python_full_version < '3.11'", True, False),
        (" ; python_version >= '3.11'", False, True),
        (" ; sys_platform == 'win32'", False, False),
        (" ; platform_machine == 'x86_64' and platform_python_implementation != 'PyPy'", True, True),
    ],
)
def test_the_targets_own_markers_decide(marker: str, old: bool, new: bool) -> None:  # noqa: FBT001 - a table
    lock = f"one==1.0{marker} \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via two\n"
    expected = "one==1.0 --hash=sha256:aa --hash=sha256:bb\n"
    assert select(lock, OLD) == (expected if old else "")
    assert select(lock, NEW) == (expected if new else "")


@pytest.mark.parametrize(
    "line", ["one==1.0", "one>=1.0 --hash=sha256:aa", "--index-url https://mirror.example/", "-e ."]
)
def test_what_is_not_locked_is_refused(line: str) -> None:
    with pytest.raises(PackageError, match="not locked by version and hash"):
        select(f"{line}\n", NEW)


def test_a_marker_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(PackageError, match="marker 'python ~ 3'"):
        select("one==1.0 ; python ~ 3 --hash=sha256:aa\n", NEW)


def test_what_ships_differs_between_the_runtimes_as_its_markers_say() -> None:
    lock = ROOT.joinpath("requirements", "function.txt").read_text(encoding="utf-8")
    names = {
        target.runtime: {line.partition("==")[0] for line in select(lock, target).splitlines()} for target in (OLD, NEW)
    }
    assert {"tomli", "async-timeout"} <= names["python3.10"] - names["python3.12"]
    assert {"pydantic", "alibabacloud-tea-openapi", "certifi"} <= names["python3.10"] & names["python3.12"]
