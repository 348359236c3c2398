from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from local.package import TARGETS, PackageError
from local.package.install import install, pip_arguments

NEW = TARGETS["python3.12"]

pytestmark = pytest.mark.slow


def test_pip_takes_the_targets_wheels_only_and_checks_their_hashes(tmp_path: Path) -> None:
    arguments = pip_arguments(NEW, tmp_path / "list", tmp_path / "code")
    assert {"--require-hashes", "--no-deps", "--no-compile"} <= set(arguments)
    pairs = list(itertools.pairwise(arguments))
    for pair in [("--only-binary", ":all:"), ("--python-version", "3.12"), ("--abi", "cp312")]:
        assert pair in pairs
    assert tuple(value for name, value in pairs if name == "--platform") == NEW.platforms


@pytest.mark.parametrize("runtime", TARGETS)
def test_it_installs_for_a_target_that_is_not_the_running_python(
    repository: Path, tmp_path: Path, runtime: str
) -> None:
    install(repository / "requirements/function.txt", TARGETS[runtime], tmp_path / "code")
    installed = {path.name for path in (tmp_path / "code").iterdir() if "-" not in path.name}
    assert installed == {"bin", "everywhere", "aiohttp", "below_aiohttp"} | (
        {"only_old"} if runtime == "python3.10" else set()
    )


def test_a_wheel_with_another_hash_is_refused_in_pips_own_words(repository: Path, wheels: Path, tmp_path: Path) -> None:
    wheel = wheels / "everywhere-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(PackageError, match=r"(?s)pip failed:.*Got +[0-9a-f]{64}"):
        install(repository / "requirements/function.txt", NEW, tmp_path / "code")


def test_a_missing_lock_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"function.txt: No such file or directory"):
        install(tmp_path / "function.txt", NEW, tmp_path / "code")
