"""Known vulnerabilities of the locked requirements: pip-audit asks the OSV database.

Only a real answer counts. If the service cannot be reached, is too slow or answers something else, everything is "not
checked". A page of another service may look like "nothing known", so the service is also asked for a version with
well-known vulnerabilities.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from local.audit.tools import AuditError, Check, last_line, run_module
from local.interpreters import VERSIONS
from local.locks import DEV, FUNCTION, read_lock
from shared.validation import describe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ACCEPTED = "local/audit/accepted.toml"

_SOCKET_S = 10
# CVE-2017-18342.
_KNOWN = ("pyyaml", "3.13")
# How pip-audit ends where the service fails: in its own words, or with whatever its code that asks has come upon.
_SERVICE_FAILED = re.compile(r"pip_audit/_service/|your network may be blocking this service")
_ERROR_CLASS = re.compile(r"^(?:\w+\.)*(\w+)(?=:|$)")

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


# A package and its version.
Pin = tuple[str, str]


class Vulnerability(NamedTuple):
    """One known vulnerability: a package, its locked version, the ids, and the versions without it."""

    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as a finding."""
        fixed = f", fixed in {', '.join(self.fixed_in)}" if self.fixed_in else ""
        return f"{self.package} {self.version}: {' '.join(self.ids)}{fixed}"


class Accepted(BaseModel):
    """An entry of `accepted.toml`: a vulnerability, known by any of its ids, that is accepted until a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: _Text
    id: _Text
    reason: _Text
    until: date


class _AcceptedFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accepted: list[Accepted] = []


class _UncheckedError(Exception):
    """The service has not answered; the text says why, in a few words."""


def check_vulnerabilities(root: Path, *, service: str | None, seconds: float) -> Check:
    """Check both locks; a vulnerability of what only the tools need counts like one of what is shipped.

    Args:
        root: of the repository.
        service: the URL of OSV's query; its own, if None.
        seconds: for everything.

    Raises:
        AuditError: `accepted.toml` is wrong, or pip-audit fails for another reason than its service.
        OSError: a file cannot be read.
    """
    accepted, found = read_accepted(root), set[Vulnerability]()
    locked = [requirement for lock in (FUNCTION, DEV) for requirement in read_lock(root / lock)]
    hands, deadline = list(_hands(VERSIONS, locked)), time.monotonic() + seconds
    summary = f"{sum(map(len, hands[1:]))} locked versions"
    try:
        for hand in hands:
            found |= _ask(root, hand, service, deadline)
    except _UncheckedError as error:
        summary = f"not checked: {error}"
    told = sorted(each for each in found if (each.package, each.version) != _KNOWN)
    today = datetime.now(timezone.utc).date()
    return Check("vulnerabilities", summary, tuple(findings_of(told, accepted, today)))


def read_accepted(root: Path) -> list[Accepted]:
    """Return what `accepted.toml` accepts, expired or not.

    Raises:
        AuditError: the file is wrong; the text says all that is.
        OSError: it cannot be read.
    """
    try:
        return _AcceptedFile.model_validate(tomllib.loads(root.joinpath(ACCEPTED).read_text(encoding="utf-8"))).accepted
    except ValidationError as error:
        raise AuditError(f"{ACCEPTED}: {'; '.join(describe(error))}") from None
    except ValueError as error:
        raise AuditError(f"{ACCEPTED}: {error}") from None


def findings_of(found: Iterable[Vulnerability], accepted: Iterable[Accepted], today: date) -> Iterator[str]:
    """Yield a line for each entry that has expired, and for each vulnerability that no other entry accepts."""
    live = {(canonicalize_name(entry.package), entry.id) for entry in accepted if entry.until > today}
    for entry in accepted:
        if entry.until <= today:
            yield f"{ACCEPTED}: {entry.id} of {entry.package} was accepted until {entry.until}"
    for each in found:
        if live.isdisjoint((canonicalize_name(each.package), name) for name in each.ids):
            yield str(each)


def pins_on(version: str, locked: Iterable[Requirement]) -> set[Pin]:
    """Return names and versions of what a Python needs; pip-audit would read markers for the one that runs it.

    Args:
        version: of the Python, such as `3.12`.
        locked: requirements, pinned with `==`.
    """
    environment = {"python_version": version, "python_full_version": f"{version}.0"}
    needed = (each for each in locked if each.marker is None or each.marker.evaluate(environment))
    return {(each.name, str(each.specifier).removeprefix("==")) for each in needed}


def _hands(versions: Iterable[str], locked: Sequence[Requirement]) -> Iterator[set[Pin]]:
    """Yield what to ask for in one run: pip-audit takes no package in two versions, and nothing is asked for twice."""
    yield {_KNOWN}
    asked: set[Pin] = set()
    for version in versions:
        hand = pins_on(version, locked) - asked
        asked |= hand
        if hand:
            yield hand


def _ask(root: Path, pins: set[Pin], service: str | None, deadline: float) -> set[Vulnerability]:
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch, "requirements.txt")
        listed.write_text("".join(f"{name}=={version}\n" for name, version in sorted(pins)), encoding="utf-8")
        options = [
            *("--requirement", str(listed), "--no-deps", "--disable-pip"),
            *("--vulnerability-service", "osv", "--timeout", str(_SOCKET_S)),
            *(["--osv-url", service] if service else []),
            *("--format", "json", "--desc", "off", "--aliases", "on", "--progress-spinner", "off"),
        ]
        try:
            done = run_module(root, "pip_audit", *options, seconds=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise _UncheckedError("the service is too slow") from None
    found = _read_report(done.stdout, pins) if done.stdout.strip() else _fail(done.stderr)
    if pins == {_KNOWN} and not found:
        raise _UncheckedError("the service does not know a well-known vulnerability")
    return found


def _read_report(report: str, asked: set[Pin]) -> set[Vulnerability]:
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise AuditError("pip-audit: its report cannot be read") from None
    answered = {(package["name"], package["version"]) for package in packages if "skip_reason" not in package}
    if missing := sorted({name for name, _ in asked - answered}):
        raise _UncheckedError(f"the service has no answer for {', '.join(missing)}")
    return {
        Vulnerability(package["name"], package["version"], (each["id"], *each["aliases"]), tuple(each["fix_versions"]))
        for package in packages
        for each in package["vulns"]
    }


def _fail(stderr: str) -> NoReturn:
    """Raise what a run without a report stands for; of its messages only the class of an exception is told."""
    last = last_line(stderr)
    if not _SERVICE_FAILED.search(stderr):
        raise AuditError(f"pip-audit: {last}")
    found = _ERROR_CLASS.match(last)
    raise _UncheckedError(f"the service cannot be reached or read ({found[1] if found else 'no answer'})")
