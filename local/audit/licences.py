"""Licences of the locked requirements of the function: pip-licenses, with the allow-list in `pyproject.toml`."""

from __future__ import annotations

from pathlib import Path

from local.audit.tools import AuditError, Check, last_line, run_module
from local.locks import FUNCTION, read_lock

# How it ends at the first licence that is not allowed.
_REFUSED = "not in allow-only"


def check_licences(root: Path) -> Check:
    """Check what is installed of the lock, which is more than what is shipped of it.

    Args:
        root: of the repository.

    Raises:
        AuditError: pip-licenses fails for another reason than a licence.
        OSError: the lock cannot be read.
    """
    names = sorted({requirement.name for requirement in read_lock(root / FUNCTION)})
    done = run_module(root, "piplicenses", "--packages", *names)
    if done.returncode == 0:
        return Check("licences", f"{FUNCTION.as_posix()} is under allowed licences")
    if _REFUSED not in done.stderr:
        raise AuditError(f"pip-licenses: {last_line(done.stderr)}")
    return Check("licences", FUNCTION.as_posix(), (last_line(done.stderr),))
