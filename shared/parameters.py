"""The parameters of the actions, as models: their rules, and the names they have in payloads and at CCC.

Rules: identifiers of CCC have many shapes, so that only length and character class are checked
(API reference of MuteCall, 2020-07-01).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel, to_pascal
from pydantic_core import PydanticCustomError

from shared.problems import FieldError, InvalidParameters

_REASONS = {
    "missing": "required",
    "string_type": "must be a string or an integer",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most 256 characters",
}


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def is_absent(value: object) -> bool:
    """Whether a value stands for nothing: `None`, or text without anything but white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def _empty_is_absent(value: object) -> object:
    return None if is_absent(value) else value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise PydanticCustomError("printable", "must have printable characters only")
    return value


def _name_at_domain(value: str) -> str:
    name, _, domain = value.partition("@")
    if not name or not domain or "@" in domain:
        raise PydanticCustomError("user_id", "must have the form name@domain")
    return value


Identifier = Annotated[
    str,
    # Next to `str`, or pydantic measures before it trims.
    StringConstraints(strip_whitespace=True, min_length=1, max_length=256),
    BeforeValidator(_digits),
    AfterValidator(_printable),
]
UserIdentifier = Annotated[Identifier, AfterValidator(_name_at_domain)]


class CallParameters(BaseModel):
    """Which channel of which call, and the agent whose call it is."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_pascal), frozen=True, hide_input_in_errors=True
    )

    device_id: Identifier = Field(description="The agent's workbench device; any value is accepted.")
    instance_id: Identifier = Field(description="The instance of the call centre.")
    job_id: Identifier = Field(description="The call.")
    user_id: UserIdentifier = Field(description="The agent, as name@domain.")
    channel_id: Annotated[Identifier | None, BeforeValidator(_empty_is_absent)] = Field(
        default=None, description="The channel; absent, null or empty: the agent's own."
    )

    def query(self) -> dict[str, str]:
        """Return the parameters as CCC names them; what is absent is left out."""
        return self.model_dump(by_alias=True, exclude_none=True)


ParametersT = TypeVar("ParametersT", bound=CallParameters)


def read_parameters(
    model: type[ParametersT], payload: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> ParametersT:
    """Return the parameters that a payload's top level names, in PascalCase, camelCase or snake_case.

    Unknown keys are refused, since a mistyped `ChannelId` would mute another channel, and so is one parameter in two
    spellings. `defaults` (by snake_case name) fill what is absent.

    Raises:
        InvalidParameters: with one entry per parameter concerned, never with a value.
    """
    spelled = {spell(name): name for name in model.model_fields for spell in (str, to_camel, to_pascal)}
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for key, value in payload.items():
        name = spelled.get(key)
        if name is None:
            # The key is not quoted: it is the caller's text, and may be anything.
            errors.append(FieldError("payload", "has a key that is no parameter"))
        elif name in values:
            errors.append(FieldError(name, "is there in two spellings"))
        else:
            values[name] = value
    absent = {name: value for name, value in (defaults or {}).items() if is_absent(values.get(name))}
    try:
        parameters = model.model_validate(values | absent)
    except ValidationError as error:
        errors += [_field_error(item) for item in error.errors(include_input=False, include_url=False)]
    if errors:
        known = ", ".join(to_pascal(name) for name in model.model_fields)
        raise InvalidParameters(
            tuple(dict.fromkeys(errors)), detail=f"{InvalidParameters.detail} The parameters are {known}."
        )
    return parameters


def _field_error(item: Mapping[str, Any]) -> FieldError:
    return FieldError(str(item["loc"][0]), _REASONS.get(item["type"], item["msg"]))
