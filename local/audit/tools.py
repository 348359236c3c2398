"""How the checks run their tools, and what they return."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


class AuditError(Exception):
    """A check is broken, for a reason to be repaired here; the text is for whoever ran the command."""


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: what is checked.
        summary: what was looked at, and what could not be.
        findings: a line each; none if all is well.
    """

    name: str
    summary: str
    findings: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return a line for the check and one for each finding, whatever a file is called."""
        return [f"{self.name:<16} {self.summary}", *(f"  FOUND {_on_one_line(finding)}" for finding in self.findings)]


def run_module(
    root: Path, module: str, *arguments: str, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a tool of the environment.

    Args:
        root: of the repository: the working directory.
        module: the tool's.
        arguments: of its command line.
        seconds: after which `subprocess.TimeoutExpired` is raised; never, if None.
    """
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=seconds, check=False)  # noqa: S603 - no shell


def last_line(text: str) -> str:
    """Return the last line that is not blank, which is where tools say why they failed."""
    return ([line for line in text.splitlines() if line.strip()] or ["no output"])[-1]


def _on_one_line(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
