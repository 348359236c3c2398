"""References to secrets, and their values at the time of a request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

from shared.problems import ConfigurationError
from shared.validation import says

OPTIONAL = "?"
ENV = "env:"
KMS = "kms:"

# `env:NAME` or `kms:NAME`, a name as KMS allows it; a `?` behind it is for one that may be unset (the previous secret
# while a rotation lasts).
SecretReference = Annotated[
    str,
    StringConstraints(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|kms:[A-Za-z0-9_/+=.@-]{1,64})\??$"),
    says(
        "Secret should be a reference, env:NAME of a variable (letters, digits and _) or kms:NAME of a secret in KMS,"
        " and not the secret itself"
    ),
]

# Returns the values that a reference (without its `?`) stands for now, none where it is unset. Raises
# `ConfigurationError` or `SecretUnavailableError`.
GetSecret = Callable[[str], Sequence[str]]


class SecretUnavailableError(Exception):
    """A secret cannot be read for the moment; the text names it and the cause, never a value."""


class NotAskedError(SecretUnavailableError):
    """There was no time left to read it."""


def _one_is_required(references: list[str]) -> list[str]:
    if all(reference.endswith(OPTIONAL) for reference in references):
        raise PydanticCustomError("secrets", "At least one secret must not be optional: remove its ?")
    return references


SecretReferences = Annotated[list[SecretReference], Field(min_length=1, max_length=5), AfterValidator(_one_is_required)]


def from_environment(environ: Mapping[str, str]) -> GetSecret:
    """Return what gets the values of references `env:NAME`; an empty variable counts as unset."""

    def get_secret(reference: str) -> Sequence[str]:
        value = environ.get(reference.removeprefix(ENV))
        return (value,) if value else ()

    return get_secret


def fault_of(value: str, fault_of_secret: Callable[[str], str | None]) -> str | None:
    """Return what is wrong with the value of a secret, or `None`."""
    if value != value.strip():
        # From a file that ends in a line break; no sender sends it like that.
        return "has white space around it, such as a line break at its end: remove it"
    return fault_of_secret(value)


def read_secrets(
    references: Sequence[str], get_secret: GetSecret, fault_of_secret: Callable[[str], str | None]
) -> tuple[str, ...]:
    """Return the current values of the references.

    Args:
        references: as the callers file has them.
        get_secret: returns the values of one.
        fault_of_secret: says why the scheme cannot use a value; such a value counts as unset, as an empty one does.

    Raises:
        ConfigurationError: a secret that is not optional is unset, or one cannot be read. Never skip a check for want
            of its secret.
        SecretUnavailableError: one cannot be read for the moment.
    """
    secrets: list[str] = []
    missing = []
    for reference in references:
        name = reference.removesuffix(OPTIONAL)
        values = get_secret(name)
        usable = [value for value in values if fault_of(value, fault_of_secret) is None]
        secrets += usable
        if not usable and name == reference:
            fault = fault_of(values[0], fault_of_secret) if values else "is unset"
            missing.append(f"{name.removeprefix(ENV)} {fault}")
    if missing:
        raise ConfigurationError(*missing)
    return tuple(secrets)
