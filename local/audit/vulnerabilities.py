"""Known vulnerabilities of what is locked: pip-audit asks the OSV database.

Only an answer counts as one. A service that cannot be reached, is too slow or answers something else leaves things "not
checked"; and since "nothing known" is also what a page of another service looks like, it is first asked for a version
whose vulnerabilities everybody knows.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from local.audit.accepted import FILE, Accepted, expired
from local.audit.check import AuditError, Check
from local.audit.locks import name_and_version

# Versions of a package must not meet in one run of pip-audit: they are neighbours in the sorted list, and are dealt out
# like cards. The service is asked for one package after the other, so several runs are faster as well.
_RUNS = 4
_SOCKET_S = 10
# CVE-2017-18342. No hash of it is known here, and nothing is installed: any will do.
_KNOWN = f"pyyaml==3.13 --hash=sha256:{'0' * 64}"

# How pip-audit ends where the service fails: in its own words, or with whatever its code that asks has come upon.
_SERVICE_FAILED = re.compile(r"pip_audit/_service/|your network may be blocking this service")
_ERROR_CLASS = re.compile(r"^(?:\w+\.)*(\w+)(?=:|$)")


class UncheckedError(Exception):
    """The service has not answered; the text says why, in a few words."""


@dataclass(frozen=True)
class Vulnerability:
    """One known vulnerability of what is locked.

    Attributes:
        package: its name.
        version: the locked one.
        ids: the main one first.
        fixed_in: versions without it.
    """

    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]


def check_vulnerabilities(
    locks: Mapping[str, Iterable[str]],
    accepted: Sequence[Accepted],
    *,
    today: date,
    service: str | None,
    seconds: float,
) -> Check:
    """Check all locks; a vulnerability of what only the tools need counts like one of what is shipped.

    Args:
        locks: requirements by the name of their lock.
        accepted: what is no finding, up to its day.
        today: the day.
        service: the URL of OSV's query; its own, if None.
        seconds: for everything.

    Raises:
        AuditError: pip-audit fails for another reason than its service.
    """
    requirements = sorted({requirement for lock in locks.values() for requirement in lock})
    found, unchecked = _ask_for_all(requirements, service, time.monotonic() + seconds)
    summary = f"not checked: {unchecked}" if unchecked else f"{len(requirements)} locked versions, {len(found)} known"
    return Check("vulnerabilities", summary, tuple(findings_of(found, locks, accepted, today)))


def findings_of(
    found: Iterable[Vulnerability], locks: Mapping[str, Iterable[str]], accepted: Sequence[Accepted], today: date
) -> list[str]:
    """Return a line for each entry that has expired, and for each vulnerability that no other entry accepts.

    Args:
        found: what is known.
        locks: requirements by the name of their lock.
        accepted: what is no finding, up to its day.
        today: the day.
    """
    overdue = expired(accepted, today)
    live = [each for each in accepted if each not in overdue]
    return [
        *(f"{FILE}: {each.id} of {each.package} was accepted until {each.until}" for each in overdue),
        *(_told(each, locks) for each in found if not any(entry.covers(each.package, each.ids) for entry in live)),
    ]


def _ask_for_all(
    requirements: Sequence[str], service: str | None, deadline: float
) -> tuple[list[Vulnerability], str | None]:
    """Return what is known, and why that is not all that might be, or None."""
    try:
        if not _ask([_KNOWN], service, deadline):
            raise UncheckedError("the service does not know what everybody knows")  # noqa: TRY301 - told as its failures
    except UncheckedError as error:
        return [], str(error)
    found: list[Vulnerability] = []
    unchecked = None
    with ThreadPoolExecutor(_RUNS) as pool:
        hands = [requirements[start::_RUNS] for start in range(_RUNS)]
        runs = [pool.submit(_ask, hand, service, deadline) for hand in hands if hand]
    for run in runs:
        try:
            found += run.result()
        except UncheckedError as error:
            unchecked = str(error)
    return sorted(found, key=lambda each: (each.package, each.version, each.ids)), unchecked


def _ask(requirements: Sequence[str], service: str | None, deadline: float) -> list[Vulnerability]:
    """Run pip-audit over requirements, no package in two versions.

    Raises:
        UncheckedError: its service has not answered for all of them.
        AuditError: it has failed otherwise.
    """
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch, "requirements.txt")
        listed.write_text("\n".join(requirements), encoding="utf-8")
        try:
            run = subprocess.run(  # noqa: S603 - no shell
                [sys.executable, "-m", "pip_audit", *_arguments(listed, service)],
                capture_output=True,
                text=True,
                check=False,
                timeout=max(0.0, deadline - time.monotonic()),
            )
        except subprocess.TimeoutExpired:
            raise UncheckedError("the service is too slow") from None
    return read_answer(run.stdout, run.stderr, [name_and_version(requirement) for requirement in requirements])


def _arguments(listed: Path, service: str | None) -> list[str]:
    return [
        *("--requirement", str(listed), "--disable-pip"),
        *("--vulnerability-service", "osv", "--timeout", str(_SOCKET_S)),
        *(["--osv-url", service] if service else []),
        *("--format", "json", "--desc", "off", "--aliases", "on", "--progress-spinner", "off"),
    ]


def read_answer(stdout: str, stderr: str, asked: Iterable[tuple[str, str]]) -> list[Vulnerability]:
    """Return the vulnerabilities in what pip-audit has written.

    Args:
        stdout: its report; empty if it has failed.
        stderr: its messages.
        asked: names and versions; the report has to have them all.

    Raises:
        UncheckedError: the service has failed, or has left something out.
        AuditError: there is no report for another reason.
    """
    if not stdout.strip():
        raise _failure(stderr)
    try:
        packages: list[dict[str, Any]] = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise AuditError("pip-audit: its report cannot be read") from None
    answered = {(package["name"], package["version"]) for package in packages if "skip_reason" not in package}
    missing = sorted({name for name, _ in set(asked) - answered})
    if missing:
        raise UncheckedError(f"the service has no answer for {', '.join(missing)}")
    return [
        Vulnerability(
            package["name"],
            package["version"],
            (found["id"], *found["aliases"]),
            tuple(found["fix_versions"]),
        )
        for package in packages
        for found in package["vulns"]
    ]


def _failure(stderr: str) -> Exception:
    """Return what a run without a report stands for; of its messages no more than the class of an exception is told."""
    last = ([line for line in stderr.splitlines() if line.strip()] or ["it said nothing"])[-1]
    if not _SERVICE_FAILED.search(stderr):
        return AuditError(f"pip-audit: {last}")
    found = _ERROR_CLASS.match(last)
    return UncheckedError(f"the service cannot be reached or read ({found[1] if found else 'no answer'})")


def _told(found: Vulnerability, locks: Mapping[str, Iterable[str]]) -> str:
    places = [name for name, lock in locks.items() if (found.package, found.version) in map(name_and_version, lock)]
    fixed = f", fixed in {', '.join(found.fixed_in)}" if found.fixed_in else ""
    return f"{found.package} {found.version} ({', '.join(places)}): {' '.join(found.ids)}{fixed}"
