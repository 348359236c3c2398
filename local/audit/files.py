"""The files of the repository: what git has or would take, or, outside a git checkout, all that is not ignored."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path


def repository_files(root: Path) -> list[str]:
    """Return the paths of all text that may be published, relative to the root, with forward slashes, sorted."""
    git = shutil.which("git") if root.joinpath(".git").exists() else None
    found = _of_git(git, root) if git else _of_folder(root)
    # What git lists may have been deleted since.
    return sorted(name for name in set(found) if root.joinpath(name).is_file() and not root.joinpath(name).is_symlink())


def _of_git(git: str, root: Path) -> Iterable[str]:
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout  # noqa: S603 - no shell
    return filter(None, os.fsdecode(listed).split("\0"))


def _of_folder(root: Path) -> Iterator[str]:
    ignored = [".git", *(line.rstrip("/") for line in root.joinpath(".gitignore").read_text(encoding="utf-8").split())]
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not _matches(name, ignored)]
        yield from (Path(folder, name).relative_to(root).as_posix() for name in names if not _matches(name, ignored))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
