from __future__ import annotations

from pathlib import Path

import pytest

from local.package import TARGETS, PackageError
from local.package.glibc import check_glibc, required_glibc


def shared_object(*versions: str) -> bytes:
    return b"\x7fELF\x02\x01" + b"\0".join(f"GLIBC_{version}".encode() for version in ("", *versions, "PRIVATE"))


@pytest.mark.parametrize(
    ("content", "minor"),
    [
        (shared_object("2.2.5", "2.17", "2.9"), 17),
        (shared_object("2.34"), 34),
        (shared_object(), 0),
        (b"GLIBC_2.99 in a text", 0),
        (b"", 0),
    ],
)
def test_the_newest_version_that_a_shared_object_names_counts(content: bytes, minor: int) -> None:
    assert required_glibc(content) == minor


def test_what_loads_on_the_target_passes(tmp_path: Path) -> None:
    tmp_path.joinpath("one.so").write_bytes(shared_object("2.14"))
    tmp_path.joinpath("two.so.1").write_bytes(shared_object("2.28"))
    tmp_path.joinpath("package").mkdir()
    assert check_glibc(tmp_path, TARGETS["python3.10"]) == 28


def test_what_does_not_load_there_is_listed_with_what_it_asks_for(tmp_path: Path) -> None:
    tmp_path.joinpath("rust").mkdir()
    tmp_path.joinpath("rust/new.so").write_bytes(shared_object("2.31"))
    tmp_path.joinpath("newer.so").write_bytes(shared_object("2.34"))
    assert check_glibc(tmp_path / "rust", TARGETS["python3.12"]) == 31
    with pytest.raises(PackageError, match=r"has glibc 2.31, these need more:\n  newer.so: 2.34$"):
        check_glibc(tmp_path, TARGETS["python3.12"])
    with pytest.raises(PackageError, match=r"newer.so: 2.34\n  rust/new.so: 2.31"):
        check_glibc(tmp_path, TARGETS["python3.10"])
