from __future__ import annotations

from pathlib import Path

import pytest

from local.package import PackageError
from local.package.archive import files_in
from local.package.tree import add_sources, function_folder, make_readable, prune


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in files_in(folder)}


def test_the_functions_files_are_at_the_top_and_shared_beside_them(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    add_sources(repository, "greet", folder)
    assert names_in(folder) == {"index.py", "callers.toml", "openapi.json", "shared/__init__.py", "shared/words.py"}


def test_an_unknown_function_is_an_error_that_lists_the_known(repository: Path) -> None:
    with pytest.raises(PackageError, match=r"unknown function '../local', known are greet"):
        function_folder(repository, "../local")
    with pytest.raises(PackageError, match="unknown function 'greet', known are none"):
        function_folder(repository / "shared", "greet")


@pytest.mark.parametrize("name", ["index.py", "callers.toml", "shared"])
def test_a_dependency_must_not_hide_the_functions_own_files(repository: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "code"
    folder.joinpath(name).mkdir(parents=True)
    with pytest.raises(PackageError, match=f"a dependency ships {name}"):
        add_sources(repository, "greet", folder)


def test_a_function_without_its_callers_file_is_an_error(repository: Path, tmp_path: Path) -> None:
    repository.joinpath("functions/greet/callers.toml").unlink()
    with pytest.raises(PackageError, match=r"functions/greet/callers.toml: No such file"):
        add_sources(repository, "greet", tmp_path)


def test_pruning_leaves_no_empty_folders(tmp_path: Path) -> None:
    for name in ("one/__init__.py", "one/tests/data/file.txt", "one/typing.pyi", "one-1.0.dist-info/licenses/LICENSE"):
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).write_text("")
    assert prune(tmp_path) == 3
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["one", "one/__init__.py"]


def test_everybody_may_read_what_is_shipped(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.joinpath("deep").mkdir(parents=True)
    folder.joinpath("deep/secretive.py").write_text("")
    for path in (folder / "deep/secretive.py", folder / "deep", folder):
        path.chmod(0o700)
    make_readable(folder)
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / "deep", folder / "deep/secretive.py")]
    assert modes == [0o755, 0o755, 0o644]


def test_a_functions_own_authorities_are_shipped(repository: Path, tmp_path: Path) -> None:
    (repository / "functions" / "greet" / "store.pem").write_text("authority", encoding="utf-8")
    folder = tmp_path / "package"
    folder.mkdir()

    add_sources(repository, "greet", folder)

    assert (folder / "store.pem").read_text(encoding="utf-8") == "authority"
