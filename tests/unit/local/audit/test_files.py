from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from local.audit.files import repository_files

FILES = (".gitignore", "a.py", "folder/b.md", "dist/built.py", "folder/__pycache__/a.pyc", "c.pyc")
TAKEN = [".gitignore", "a.py", "folder/b.md"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("dist/\n__pycache__/\n*.pyc\n")
    tmp_path.joinpath("link.py").symlink_to(tmp_path / "dist/built.py")
    return tmp_path


def test_outside_a_checkout_all_files_but_the_ignored_ones_are_taken(root: Path) -> None:
    assert repository_files(root) == TAKEN


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_in_a_checkout_new_files_are_taken_and_deleted_ones_are_not(root: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)  # noqa: S603, S607 - of the machine

    git("init")
    root.joinpath("gone.py").touch()
    git("add", ".gitignore", "a.py", "gone.py")
    root.joinpath("gone.py").unlink()
    assert repository_files(root) == TAKEN
