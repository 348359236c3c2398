from __future__ import annotations

from pathlib import Path

import pytest

from local.audit.locks import LOCKS, name_and_version, read_locks
from local.package import PackageError

LINES = (
    "old==1.0 ; python_full_version < '3.11' --hash=sha256:1",
    "both==1.0 ; python_full_version < '3.11' --hash=sha256:2",
    "both==2.0 ; python_full_version >= '3.11' --hash=sha256:3",
    "extra[fast]==1.0 --hash=sha256:5",
    "newest==1.0 ; python_full_version >= '3.13' --hash=sha256:6",
    "windows==1.0 ; sys_platform == 'win32' --hash=sha256:4",
)


def test_what_any_python_needs_is_in_effect_in_every_version(tmp_path: Path) -> None:
    for name in LOCKS:
        tmp_path.joinpath(name).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(name).write_text("\n".join(LINES), encoding="utf-8")
    for lock in read_locks(tmp_path).values():
        assert sorted(map(name_and_version, lock)) == [
            ("both", "1.0"),
            ("both", "2.0"),
            ("extra", "1.0"),
            ("newest", "1.0"),
            ("old", "1.0"),
        ]


def test_a_line_that_is_not_locked_is_an_error(tmp_path: Path) -> None:
    tmp_path.joinpath("requirements").mkdir()
    for name in LOCKS:
        tmp_path.joinpath(name).write_text("loose>=1.0\n", encoding="utf-8")
    with pytest.raises(PackageError, match="not locked"):
        read_locks(tmp_path)
