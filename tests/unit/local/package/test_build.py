from __future__ import annotations

import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

from local.package import PackageError, Target, build_package
from local.package.__main__ import main
from local.package.targets import target_of

RUNNING = Target("running", sys.version_info[:2], 31)
BYTECODE = f".cpython-{''.join(map(str, RUNNING.version))}.pyc"

BUILT = {"greet", "greet.zip", "greet.cdx.json", "greet.licences.txt"}

pytestmark = pytest.mark.slow


def build(repository: Path, output: Path, target: Target = RUNNING) -> tuple[Path, list[str]]:
    lines: list[str] = []
    package = build_package(repository, "greet", target, output, report=lines.append)
    assert package.sha256 == hashlib.sha256(package.archive.read_bytes()).hexdigest()
    return package.archive, lines


def test_folder_and_zip_hold_what_the_function_needs(repository: Path, tmp_path: Path) -> None:
    archive, lines = build(repository, tmp_path / "dist", Target("old", (3, 10), 28))
    names = set(zipfile.ZipFile(archive).namelist())
    sources = {name for name in names if not name.endswith(".pyc")}
    assert sources == {
        "build.txt",
        "callers.toml",
        "openapi.json",
        "everywhere/__init__.py",
        "everywhere/fast.so",
        "index.py",
        "only_old/__init__.py",
        "only_old/fast.so",
        "shared/__init__.py",
        "shared/words.py",
    }
    folder = archive.with_suffix("")
    assert names == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert [line.partition(" ")[0] for line in lines][:4] == ["install", "keep", "prune", "add"]


def test_bill_and_licences_list_what_is_shipped_and_nothing_else(repository: Path, tmp_path: Path) -> None:
    archive, _ = build(repository, tmp_path / "dist", Target("old", (3, 10), 28))
    bill = json.loads(archive.with_suffix(".cdx.json").read_text(encoding="utf-8"))
    assert [component["name"] for component in bill["components"]] == ["everywhere", "only-old"]
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert bill["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    lines = archive.with_suffix(".licences.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.endswith(": MIT")] == ["everywhere 1.0: MIT", "only-old 1.0: MIT"]


def test_the_same_input_gives_the_same_bytes(repository: Path, tmp_path: Path) -> None:
    first, _ = build(repository, tmp_path / "first")
    repository.joinpath("shared/words.py").touch()
    second, _ = build(repository, tmp_path / "elsewhere" / "second")
    for suffix in (".zip", ".cdx.json", ".licences.txt"):
        assert first.with_suffix(suffix).read_bytes() == second.with_suffix(suffix).read_bytes()
    assert f"shared/__pycache__/words{BYTECODE}" in zipfile.ZipFile(first).namelist()


@pytest.mark.parametrize("changed", ["shared/words.py", "functions/greet/callers.toml", "functions/greet/new.pem"])
def test_another_content_is_another_build(repository: Path, tmp_path: Path, changed: str) -> None:
    builds = set()
    for text in ("HELLO = 1\n", "HELLO = 1\n", "HELLO = 2\n"):
        repository.joinpath(changed).write_text(text)
        archive, _ = build(repository, tmp_path / "dist")
        builds.add(zipfile.ZipFile(archive).read("build.txt"))
    assert len(builds) == 2
    assert all(re.fullmatch(rb"[0-9a-f]{12}\n", each) for each in builds)


def test_a_build_replaces_the_one_before_and_leaves_nothing_else(repository: Path, tmp_path: Path) -> None:
    build(repository, tmp_path)
    tmp_path.joinpath("greet/stale.py").write_text("")
    build(repository, tmp_path)
    assert not tmp_path.joinpath("greet/stale.py").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*BUILT, "repository", "wheels"}


def test_a_build_that_fails_leaves_the_one_before(repository: Path, tmp_path: Path) -> None:
    archive, _ = build(repository, tmp_path / "dist")
    before = archive.read_bytes()
    repository.joinpath("shared/words.py").write_text("def (:")
    with pytest.raises(PackageError, match="bytecode"):
        build(repository, tmp_path / "dist")
    assert archive.read_bytes() == before
    assert {path.name for path in (tmp_path / "dist").iterdir()} == BUILT


def test_without_an_interpreter_there_is_a_package_without_bytecode(repository: Path, tmp_path: Path) -> None:
    package = build_package(
        repository, "greet", target_of("python3.12"), tmp_path, report=lambda _: None, find=lambda _: None
    )
    assert not package.has_bytecode
    assert not [name for name in zipfile.ZipFile(package.archive).namelist() if name.endswith(".pyc")]


def test_the_command_prints_its_steps_and_at_the_end_size_and_hash(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = "python{}.{}".format(*sys.version_info) if sys.version_info[:2] in {(3, 10), (3, 12)} else "python3.12"
    arguments = ["--function", "greet", "--runtime", runtime, "--output", str(tmp_path / "dist")]
    assert main(arguments, repository) == 0
    lines = capsys.readouterr().out.splitlines()
    sha256 = hashlib.sha256((tmp_path / "dist/greet.zip").read_bytes()).hexdigest()
    build = tmp_path.joinpath("dist/greet/build.txt").read_text().strip()
    assert lines[-1] == f"{tmp_path / 'dist/greet.zip'}  {runtime}  0.00 MB  build {build}  sha256 {sha256}"


def test_the_command_says_when_bytecode_is_missing(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    other = "python3.10" if sys.version_info[:2] != (3, 10) else "python3.12"
    assert main(["--function", "greet", "--runtime", other, "--output", str(tmp_path / "dist")], repository) == 0
    assert f"no {other} found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--function", "nobody"], "error: unknown function 'nobody', known are greet\n"),
        (["--runtime", "python2.7"], "error: unknown runtime 'python2.7', known are python3.12, python3.10\n"),
    ],
)
def test_an_error_is_one_line_without_a_traceback(
    repository: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], error: str
) -> None:
    assert main(arguments, repository) == 1
    assert capsys.readouterr() == ("", error)


def test_an_output_that_cannot_be_written_is_an_error(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.joinpath("file").write_text("")
    assert main(["--function", "greet", "--output", str(tmp_path / "file" / "dist")], repository) == 1
    assert "file/dist" in capsys.readouterr().err
