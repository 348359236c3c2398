from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from local.package import TARGETS, PackageError, Target
from local.package.archive import files_in
from local.package.checkout import MARKER, compose, main, start, target_for

TARGET = TARGETS["python3.12"]


@pytest.fixture
def ignored(repository: Path) -> Path:
    """The repository, with what git does not keep."""
    repository.joinpath(".gitignore").write_text(".venv/\ndist/\n__pycache__/\n*.pyc\n.cache\n")
    repository.joinpath("README.md").write_text("of the repository")
    repository.joinpath("functions/__init__.py").write_text("")
    for name in (".git/HEAD", ".cache", "dist/greet.zip", "local/__pycache__/old.pyc", ".venv/3.12/bin/python"):
        repository.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        repository.joinpath(name).write_text("")
    return repository


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    for name in (
        *(
            "index.py",
            "callers.toml",
            "openapi.json",
            "store.pem",
            "single.py",
            "library/__init__.py",
            "shared/words.py",
        ),
        *("__pycache__/index.cpython-312.pyc", "__pycache__/single.cpython-312.pyc"),
        "shared/__pycache__/words.cpython-312.pyc",
    ):
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text("of the package")
    return folder


def test_what_is_deployed_is_the_packages_and_all_else_the_repositorys(
    ignored: Path, package: Path, tmp_path: Path
) -> None:
    ignored.joinpath("functions/greet/store.pem").write_text("")
    checkout = tmp_path / "checkout"
    start(checkout, TARGET)
    compose(ignored, "greet", package, checkout)
    found = {
        path.relative_to(checkout).as_posix(): path.read_text() == "of the package"
        for path in files_in(checkout)
        if ".venv" not in path.parts
    }
    assert found == {
        MARKER: False,
        ".gitignore": False,
        "README.md": False,
        "requirements/function.in": False,
        "requirements/function.txt": False,
        "functions/__init__.py": False,
        "functions/greet/tests/test_index.py": False,
        "functions/greet/index.py": True,
        "functions/greet/callers.toml": True,
        "functions/greet/openapi.json": True,
        "functions/greet/store.pem": True,
        "functions/greet/__pycache__/index.cpython-312.pyc": True,
        "shared/words.py": True,
        "shared/__pycache__/words.cpython-312.pyc": True,
        "library/__init__.py": True,
        "single.py": True,
        "__pycache__/single.cpython-312.pyc": True,
    }
    assert checkout.joinpath(".venv").readlink() == ignored / ".venv"


@pytest.mark.parametrize("name", ["functions", "README.md"])
def test_a_library_with_a_name_of_the_repositorys_is_an_error(
    ignored: Path, package: Path, tmp_path: Path, name: str
) -> None:
    package.joinpath(name).mkdir()
    with pytest.raises(PackageError, match=f"ships {name}, which"):
        compose(ignored, "greet", package, tmp_path / "checkout")


def test_a_checkout_replaces_the_one_before_even_a_half_done_one(tmp_path: Path) -> None:
    checkout = tmp_path / "dist" / "checkout"
    start(checkout, TARGET)
    checkout.joinpath("stale.py").write_text("")
    start(checkout, TARGETS["python3.10"])
    assert [(path.name, path.read_text()) for path in checkout.iterdir()] == [(MARKER, "python3.10\n")]


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    tmp_path.joinpath("thesis.txt").write_text("")
    with pytest.raises(PackageError, match="exists, and is no checkout"):
        start(tmp_path, TARGET)
    assert tmp_path.joinpath("thesis.txt").exists()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_package_is_for_the_python_that_runs(target: Target) -> None:
    assert target_for(target.version) is target


@pytest.mark.slow
def test_the_command_builds_and_composes(ignored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkout = tmp_path / "checkout"
    assert main(["--function", "greet", "--output", str(checkout)], ignored, (3, 12)) == 0
    sha256 = hashlib.sha256(checkout.joinpath("dist/greet.zip").read_bytes()).hexdigest()
    assert capsys.readouterr().out.splitlines()[-1] == f"{checkout}  python3.12  sha256 {sha256}"
    assert checkout.joinpath("everywhere/__init__.py").is_file()
    assert not checkout.joinpath("index.py").exists()


def test_a_python_without_a_runtime_is_one_line(
    ignored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--function", "greet", "--output", str(tmp_path / "checkout")], ignored, (3, 11)) == 1
    error = "error: no runtime has Python 3.11: choose PYTHON=python3.10 or PYTHON=python3.12\n"
    assert capsys.readouterr() == ("", error)
    assert not tmp_path.joinpath("checkout").exists()
