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


@pytest.mark.parametrize(
    ("choice", "printed"),
    [("oldest", "3.97"), ("newest", "3.99"), ("runtime", "3.98"), ("running", None), ("absent", None)],
)
def test_the_command_prints_the_one_that_is_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    choice: str,
    printed: str | None,
) -> None:
    there = {v: str(interpreter(tmp_path / f"python{v}", f"echo {v}")) for v in ("3.97", "3.98", "3.99")}
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    supported, runtimes = ("3.96", *there), ("3.96", "3.98")
    choices = {"oldest": (supported, 0), "newest": (supported, -1), "runtime": (runtimes, -1), "absent": (("3.96",), 0)}
    monkeypatch.setattr(interpreters, "_CHOICES", choices)
    assert interpreters.main([choice]) == (0 if printed else 1)
    told = capsys.readouterr()
    assert told.out == (f"{there[printed]}\n" if printed else "")
    assert bool(told.err) == (printed is None)


def test_one_that_makes_no_environment_is_passed_over(tmp_path: Path) -> None:
    """As Debian's is without python3-venv."""
    bare = interpreter(
        tmp_path / f"python{RUNNING}", f'exec "{sys.executable}" -c "import sys; sys.modules[\'ensurepip\'] = None; $2"'
    )
    assert interpreters._version_of(str(bare)) is None  # noqa: SLF001 - the running one is the first choice
