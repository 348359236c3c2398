from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from local.package import TARGETS, PackageError
from local.package.install import install, uv_arguments

NEW = TARGETS["python3.12"]
LOCK = "requirements/function.txt"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("runtime", "glibc"), [("python3.12", 31), ("python3.10", 28)])
def test_uv_takes_the_targets_wheels_only_and_checks_their_hashes(tmp_path: Path, runtime: str, glibc: int) -> None:
    arguments = uv_arguments(tmp_path / "lock", TARGETS[runtime], tmp_path / "code")
    pairs = list(itertools.pairwise(arguments))
    assert ("--only-binary", ":all:") in pairs
    assert ("--python-platform", f"x86_64-manylinux_2_{glibc}") in pairs
    assert {"--require-hashes", "--no-deps"} <= set(arguments)


@pytest.mark.parametrize(("runtime", "more"), [("python3.12", set()), ("python3.10", {"only_old"})])
def test_the_targets_markers_decide_and_not_those_of_the_running_python(
    repository: Path, tmp_path: Path, runtime: str, more: set[str]
) -> None:
    install(repository / LOCK, TARGETS[runtime], tmp_path / "code")
    installed = {path.name for path in (tmp_path / "code").iterdir() if "-" not in path.name}
    assert installed == {"bin", "everywhere", "aiohttp", "below_aiohttp"} | more


def test_a_wheel_with_another_hash_is_refused_in_uvs_own_words(
    repository: Path, wheels: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wheel = wheels / "everywhere-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(PackageError, match=r"function\.txt: uv has not installed it"):
        install(repository / LOCK, NEW, tmp_path / "code")
    assert "Hash mismatch" in capfd.readouterr().err


def test_without_uv_there_is_an_error(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(PackageError, match="uv has not installed it"):
        install(repository / LOCK, NEW, tmp_path / "code")
