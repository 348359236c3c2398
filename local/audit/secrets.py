"""Secrets committed by mistake: detect-secrets-hook over the files of the repository.

`.secrets.baseline` is its own file: which detectors run, and which finds a reviewer has marked as made up. An entry is
matched by file, kind and hash, so a line may move.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local.audit.tools import AuditError, Check, last_line, run_module

BASELINE = ".secrets.baseline"
_LIST_FILES = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
_IMAGES = (".png",)
# The hook's exit codes: nothing new, something found, and nothing new but lines that have moved.
_CLEAN, _FOUND, _MOVED = 0, 1, 3


def check_secrets(root: Path) -> Check:
    """Report what the baseline does not know as made up, and what cannot be searched.

    Args:
        root: of the repository, a git checkout.

    Raises:
        AuditError: git or the hook fails.
        OSError: there is no baseline, or no git.
    """
    names = _repository_files(root)
    unread = [f"{name}: not in UTF-8, so it cannot be searched" for name in names if not _is_utf_8(root / name)]
    return Check("secrets", f"{len(names)} files", (*_finds(root, names), *unread))


def _repository_files(root: Path) -> list[str]:
    """Return the files that git has or would take; some of those it lists may have been deleted since."""
    listed = subprocess.run(_LIST_FILES, cwd=root, capture_output=True, check=False)  # noqa: S603 - no shell
    if listed.returncode:
        raise AuditError(f"git: {last_line(os.fsdecode(listed.stderr))}")
    names = os.fsdecode(listed.stdout).split("\0")
    kept = (name for name in names if name and name != BASELINE and not name.endswith(_IMAGES))
    return sorted(name for name in kept if root.joinpath(name).is_file() and not root.joinpath(name).is_symlink())


def _is_utf_8(path: Path) -> bool:
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def _finds(root: Path, names: list[str]) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as scratch:
        # The hook rewrites its baseline when lines have moved, and wants it to be staged: it gets a copy.
        baseline = shutil.copy(root / BASELINE, scratch)
        # It would else ask vendors about what it finds, and so send it.
        options = ("--no-verify", "--json", "--baseline", str(baseline))
        done = run_module(root, "detect_secrets.pre_commit_hook", *options, "--", *names)
    if done.returncode in (_CLEAN, _MOVED):
        return
    try:
        found = json.loads(done.stdout)["results"]
    except (ValueError, KeyError, TypeError):
        raise AuditError(f"detect-secrets-hook: {last_line(done.stderr or done.stdout)}") from None
    for name, secrets in found.items():
        yield from (f"{name}:{secret['line_number']}: {secret['type']}" for secret in secrets)
