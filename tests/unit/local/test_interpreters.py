from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local import interpreters
from local.interpreters import find_interpreter

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
FUTURE = "3.99"


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


def test_the_command_prints_those_that_are_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(interpreters, "VERSIONS", (RUNNING, FUTURE))
    assert interpreters.main() == 0
    printed = capsys.readouterr()
    assert printed.out == f"{sys.executable}\n"
    assert FUTURE in printed.err


def test_a_machine_without_any_of_them_checks_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "VERSIONS", (FUTURE,))
    assert interpreters.main() == 1
