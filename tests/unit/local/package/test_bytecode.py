from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from local.package import PackageError, Target
from local.package.bytecode import compile_folder, find_interpreter

RUNNING = Target("running", sys.version_info[:2], 31)
FUTURE = Target("python3.99", (3, 99), 31)


def interpreter(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o755)
    return path


def test_the_running_python_is_the_first_choice() -> None:
    assert find_interpreter(RUNNING, {}) == sys.executable


def test_one_on_the_path_is_taken_if_it_really_runs(tmp_path: Path) -> None:
    found = interpreter(tmp_path / "python3.99", "echo 3.99")
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    assert find_interpreter(FUTURE, environ) == str(found)
    interpreter(found, "echo 'pyenv: python3.99: command not found' >&2", "exit 127")
    assert find_interpreter(FUTURE, environ) is None
    interpreter(found, "echo 3.98")
    assert find_interpreter(FUTURE, environ) is None


def test_a_file_that_cannot_be_run_at_all_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "python3.99"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    assert find_interpreter(FUTURE, {"PATH": str(tmp_path), "HOME": str(tmp_path)}) is None


@pytest.mark.parametrize("variable", ["PYENV_ROOT", "HOME"])
def test_pyenv_keeps_some_beside_the_path_the_newest_is_taken(tmp_path: Path, variable: str) -> None:
    root = tmp_path if variable == "PYENV_ROOT" else tmp_path / ".pyenv"
    for patch in ("3.99.9", "3.99.10", "3.98.11"):
        interpreter(root / "versions" / patch / "bin" / "python3.99", "echo 3.99")
    environ = {"PATH": "", variable: str(tmp_path)}
    assert find_interpreter(FUTURE, environ) == str(root / "versions/3.99.10/bin/python3.99")


def test_bytecode_is_never_checked_against_its_source_and_names_the_deployed_place(tmp_path: Path) -> None:
    tmp_path.joinpath("module.py").write_text("def where():\n    return 1\n")
    compile_folder(tmp_path, sys.executable)
    cached = Path(importlib.util.cache_from_source(str(tmp_path / "module.py")))
    content = cached.read_bytes()
    # PEP 552: bit 0 says hash-based, bit 1 says check the source.
    assert int.from_bytes(content[4:8], "little") == 0b01
    assert b"/code/module.py" in content
    assert str(tmp_path).encode() not in content


def test_a_source_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    tmp_path.joinpath("broken.py").write_text("def (:\n")
    with pytest.raises(PackageError, match=r"(?s)bytecode:.*broken\.py"):
        compile_folder(tmp_path, sys.executable)
