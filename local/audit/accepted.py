"""The known vulnerabilities that are accepted for a while: `accepted.toml`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from local.audit.check import AuditError
from shared.validation import describe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "local/audit/accepted.toml"

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Accepted(BaseModel):
    """One of them: known by any of its ids, for a reason, until a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: _Text
    id: _Text
    reason: _Text
    until: date

    def covers(self, package: str, ids: Iterable[str]) -> bool:
        """Whether it is this vulnerability of this package."""
        return canonicalize_name(self.package) == canonicalize_name(package) and self.id in ids


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accepted: list[Accepted] = []


def read_accepted(root: Path) -> list[Accepted]:
    """Return what the file accepts, expired or not.

    Raises:
        AuditError: the file is wrong; the text says all that is.
        OSError: it cannot be read.
    """
    try:
        return _File.model_validate(tomllib.loads(root.joinpath(FILE).read_text(encoding="utf-8"))).accepted
    except ValidationError as error:
        raise AuditError(f"{FILE}: {'; '.join(describe(error))}") from None
    except ValueError as error:
        raise AuditError(f"{FILE}: {error}") from None


def expired(accepted: Iterable[Accepted], today: date) -> list[Accepted]:
    """Return those whose day has come."""
    return [each for each in accepted if each.until <= today]
