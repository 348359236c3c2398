"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass


class AuditError(Exception):
    """A check could not be made for a reason that is to be repaired here; the text is for whoever ran the command."""


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: what is checked.
        summary: what was looked at, and what could not be.
        findings: a line each; none if all is well.
    """

    name: str
    summary: str
    findings: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the check as it is told: a line, and one for each finding, whatever a file is called."""
        return [f"{self.name:<16} {self.summary}", *(f"  FOUND {_on_one_line(finding)}" for finding in self.findings)]


def _on_one_line(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
