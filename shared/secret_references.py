"""References to secrets, and what they stand for at the moment of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

from shared.problems import ConfigurationError

OPTIONAL = "?"
_PREFIX = "env:"

# `env:NAME`, or `env:NAME?` for one that may be unset (the previous secret while a rotation lasts).
SecretReference = Annotated[str, StringConstraints(pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*\??$")]


def _one_is_required(references: list[str]) -> list[str]:
    if all(reference.endswith(OPTIONAL) for reference in references):
        raise PydanticCustomError("secrets", "At least one secret may not be optional")
    return references


SecretReferences = Annotated[list[SecretReference], Field(min_length=1, max_length=5), AfterValidator(_one_is_required)]


def read_secrets(
    references: Sequence[str], environ: Mapping[str, str], is_usable: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return the secrets that the references stand for now.

    Args:
        references: as the callers file has them.
        environ: the environment.
        is_usable: whether the scheme can use a value; one that it cannot counts as unset, as an empty one does.

    Raises:
        ConfigurationError: a secret that is not optional is unset. Never skip a check for want of its secret.
    """
    secrets, missing = [], []
    for reference in references:
        name = reference.removeprefix(_PREFIX).removesuffix(OPTIONAL)
        value = environ.get(name, "")
        if value and is_usable(value):
            secrets.append(value)
        elif not reference.endswith(OPTIONAL):
            missing.append(f"{name} is {'not usable for its scheme' if value else 'unset'}")
    if missing:
        raise ConfigurationError("; ".join(missing))
    return tuple(secrets)
