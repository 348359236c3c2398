"""The secrets the simulator keeps for KMS: by name, in versions, of which two have a stage."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

CURRENT = "ACSCurrent"
PREVIOUS = "ACSPrevious"
LARGEST_VALUE = 30_720

_NAME = re.compile(r"[A-Za-z0-9_/+=.@-]{1,64}")


class SecretError(ValueError):
    """A secret that cannot be put; the text names what is wrong, never the value."""


@dataclass
class Version:
    """One version of a secret; `stage` is empty once two newer ones are there."""

    version_id: str
    created: datetime
    value: str = field(repr=False)
    stage: str = CURRENT


class Vault:
    """Every secret's versions by its name, oldest first."""

    def __init__(self) -> None:
        self._secrets: dict[str, list[Version]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._secrets

    def put(self, name: object, value: object, now: datetime) -> Version:
        """Create a secret, or put a new version of it: the current one becomes the previous one.

        Raises:
            SecretError: no name or no value that KMS would take; nothing is put.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SecretError("name: must be 1 to 64 letters, digits and _/+=.@-")
        if not isinstance(value, str) or not 1 <= len(value.encode("utf-8", "replace")) <= LARGEST_VALUE:
            raise SecretError(f"value: must be a string of 1 to {LARGEST_VALUE} bytes")
        versions = self._secrets.setdefault(name, [])
        for version in versions:
            version.stage = PREVIOUS if version.stage == CURRENT else ""
        versions.append(Version(f"v{len(versions) + 1}", now, value))
        return versions[-1]

    def find(self, name: str, stage: str) -> Version | None:
        """Return the version of a secret that has that stage, or None."""
        return next((version for version in self._secrets.get(name, []) if version.stage == stage), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Return names, version ids and stages as the control plane shows them; no value."""
        return [
            {
                "name": name,
                "versions": [{"version_id": each.version_id, "stage": each.stage or None} for each in versions],
            }
            for name, versions in self._secrets.items()
        ]
