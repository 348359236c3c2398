"""Secrets committed by mistake: detect-secrets over the files of the repository.

`.secrets.baseline` is detect-secrets' own file. It says what is looked for, and which finds are made up: the entries
that a reviewer has marked so (`"is_secret": false`). An entry is matched by file, kind and hash, so a line may move.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.scan import _process_line_based_plugins, scan_file
from detect_secrets.settings import transient_settings
from detect_secrets.transformers import get_transformed_file

from local.audit.check import AuditError, Check
from local.audit.files import repository_files

BASELINE = ".secrets.baseline"
_FILE = "file://"
_UTF_8 = "utf-8"
# Asks the vendor whether a secret is live, and so sends it; what is not confirmed is then hidden.
_VERIFICATION = "detect_secrets.filters.common.is_ignored_due_to_verification_policies"


class Find(NamedTuple):
    """A text that may be a secret; of the text itself only the hash is kept."""

    file: str
    kind: str
    hash: str


def check_secrets(root: Path) -> Check:
    """Scan all files and report what the baseline does not know as made up.

    Args:
        root: of the repository.

    Raises:
        AuditError: the baseline is none, or would send what it finds to others.
        OSError: it is missing.
    """
    baseline = _read_baseline(root)
    names = [name for name in repository_files(root) if name != BASELINE]
    found = scan(root, names, baseline)
    known = made_up(baseline)
    findings = [f"{find.file}:{line}: {find.kind}" for find, line in sorted(found.items()) if find not in known]
    return Check("secrets", f"{len(names)} files, {len(found) - len(findings)} made-up ones known", tuple(findings))


def scan(root: Path, names: Iterable[str], baseline: Mapping[str, Any]) -> dict[Find, int]:
    """Return what may be a secret, with its line.

    Args:
        root: of the repository.
        names: files, relative to it.
        baseline: names plug-ins and filters.
    """
    settings = {name: [_from(root, each) for each in baseline[name]] for name in ("plugins_used", "filters_used")}
    with transient_settings(settings):
        return {
            Find(name, secret.type, secret.secret_hash): secret.line_number
            for name in names
            for secret in (*scan_file(str(root / name)), *_scan_as_it_is(root / name))
        }


def _scan_as_it_is(path: Path) -> Iterator[PotentialSecret]:
    """Scan the lines of a file that detect-secrets passes over, or of which it reads keys and values alone.

    It passes over what is not UTF-8; YAML and TOML have comments.
    """
    for encoding in _encodings(path.read_bytes()):
        with path.open(encoding=encoding, errors="replace") as file:
            if encoding != _UTF_8 or get_transformed_file(file):  # type: ignore[arg-type] # it wants no more than this
                file.seek(0)
                lines = list(enumerate(file, start=1))
                # The locked version's; of its public functions, one reads no lines and the other applies no filter.
                yield from _process_line_based_plugins(lines, str(path))


def _encodings(content: bytes) -> tuple[str, ...]:
    """Return what a content may be written in. Latin-1 has a character for each byte, and ASCII in its place."""
    try:
        content.decode(_UTF_8)
    except UnicodeDecodeError:
        return ("latin-1", "utf-16") if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else ("latin-1",)
    return (_UTF_8,)


def made_up(baseline: Mapping[str, Any]) -> set[Find]:
    """Return the finds that a reviewer has marked as none."""
    return {
        Find(name, entry["type"], entry["hashed_secret"])
        for name, entries in baseline["results"].items()
        for entry in entries
        if entry.get("is_secret") is False
    }


def _read_baseline(root: Path) -> dict[str, Any]:
    try:
        baseline: dict[str, Any] = json.loads(root.joinpath(BASELINE).read_text(encoding="utf-8"))
    except ValueError:
        raise AuditError(f"{BASELINE}: no JSON") from None
    missing = [name for name in ("plugins_used", "filters_used", "results") if name not in baseline]
    if missing:
        raise AuditError(f"{BASELINE}: without {', '.join(missing)}")
    if any(each["path"] == _VERIFICATION for each in baseline["filters_used"]):
        raise AuditError(f"{BASELINE}: asks vendors about what it finds; make it with --no-verify")
    return baseline


def _from(root: Path, setting: dict[str, Any]) -> dict[str, Any]:
    """Return a plug-in or filter whose file is found from wherever the command runs."""
    path = setting.get("path", "")
    return {**setting, "path": f"{_FILE}{root}/{path.removeprefix(_FILE)}"} if path.startswith(_FILE) else setting
