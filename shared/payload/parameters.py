"""The parameters of the actions, as models: their rules, and their names in payloads and at CCC.

CCC's identifiers have many forms, so only length and kind of characters are checked (API reference of MuteCall,
2020-07-01).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
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
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel, to_pascal
from pydantic_core import PydanticCustomError

from shared.problems import FieldError, InvalidParameters

_REASONS = {
    "missing": "required",
    "string_type": "must be a string or an integer",
    "string_unicode": "must have printable characters only",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most 256 characters",
}


_INT64 = range(-(2**63), 2**63)


def _digits(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if value not in _INT64:
        # If a sender writes longer ids as numbers, some of its readers round them.
        raise PydanticCustomError("integer", "must be a string, since it has more than 64 bits as an integer")
    return str(value)


# The white space of Unicode, as pydantic trims it. Python strips four control characters more: a garbled channel
# would be taken for none.
_WHITE_SPACE = "".join(map(chr, [*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)]))
_WHITE_SPACE += "\u2028\u2029\u202f\u205f\u3000"


def is_absent(value: object) -> bool:
    """Whether a value counts as absent: `None`, or only white space."""
    return value is None or (isinstance(value, str) and not value.strip(_WHITE_SPACE))


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


# The rules in JSON Schema, for the OpenAPI document. Not every dialect of patterns has Unicode's classes: these have
# the first 256 characters: white space, and characters that cannot be printed; a value's edge has neither.
_SPACE, _UNPRINTABLE, _INNER = r"[\t-\r \x85\xa0]*", r"\x00-\x1f\x7f-\xa0\xad", r"\x00-\x20\x7f-\xa0\xad"
_TEXT = f"[^{_INNER}]([^{_UNPRINTABLE}]*[^{_INNER}])?{_SPACE}"
_USER = f"[^@{_INNER}][^@{_UNPRINTABLE}]*@[^@{_UNPRINTABLE}]*[^@{_INNER}]{_SPACE}"


def _json_schema(pattern: str, *types: str, **rules: Any) -> WithJsonSchema:
    kind = types[0] if len(types) == 1 else list(types)
    bounds = {"minimum": _INT64[0], "maximum": _INT64[-1]} if "integer" in types else {}
    return WithJsonSchema({"type": kind, **rules, "maxLength": 256, "pattern": f"^{_SPACE}{pattern}$", **bounds})


Identifier = Annotated[
    str,
    # Next to `str`, or pydantic measures before it trims.
    StringConstraints(strip_whitespace=True, min_length=1, max_length=256),
    BeforeValidator(_digits),
    AfterValidator(_printable),
    _json_schema(_TEXT, "string", "integer", minLength=1),
]
# An integer is no name@domain.
UserIdentifier = Annotated[Identifier, AfterValidator(_name_at_domain), _json_schema(_USER, "string", minLength=3)]
OptionalIdentifier = Annotated[
    Identifier | None, BeforeValidator(_empty_is_absent), _json_schema(f"({_TEXT})?", "string", "integer", "null")
]


class CallParameters(BaseModel):
    """Which channel of which call, and the agent whose call it is; the examples are those of the API reference."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_pascal), frozen=True, hide_input_in_errors=True
    )

    device_id: Identifier = Field(
        description="The agent's workbench device; any value is accepted.",
        examples=["ACC-YUNBS-1.0.10-bs736efb521810000176aef6e955"],
    )
    instance_id: Identifier = Field(description="The instance of the call centre.", examples=["ccc-test"])
    job_id: Identifier = Field(description="The call.", examples=["job-65815360847228928"])
    user_id: UserIdentifier = Field(description="The agent, as name@domain.", examples=["user-test@ccc-test"])
    channel_id: OptionalIdentifier = Field(
        default=None,
        description="The channel; absent, null or empty: the agent's own.",
        examples=["ch:user:13188888888->80011474:1609253204816:job-65815360847228928"],
    )

    def query(self) -> dict[str, str]:
        """Return the parameters under CCC's names, without absent ones."""
        return self.model_dump(by_alias=True, exclude_none=True)


ParametersT = TypeVar("ParametersT", bound=CallParameters)


def read_parameters(
    model: type[ParametersT],
    payload: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
    origin_of: Callable[[str], str] | None = None,
) -> ParametersT:
    """Return the parameters that a payload's top level names, in PascalCase, camelCase or snake_case.

    Unknown keys are refused, since a mistyped `ChannelId` would mute another channel, and so is one parameter in two
    spellings.

    Args:
        model: of the action's parameters.
        payload: the fields of the request, or what the caller's expressions have found.
        defaults: fill what is absent, by snake_case name.
        origin_of: says which expression a parameter comes from, and where it stopped; for callers with expressions.

    Raises:
        InvalidParameters: with one entry per parameter concerned, in the payload's own spelling, never with a value.
    """
    spelled = _spellings(model)
    spell = _spelling_of(payload, spelled)
    keys: dict[str, str] = {}
    errors: list[FieldError] = []
    for key in payload:
        name = spelled.get(key)
        if name is None:
            errors.append(_unknown(key, spelled))
        elif name in keys:
            errors.append(FieldError(key, "occurs in two spellings"))
        else:
            keys[name] = key
    values = {name: payload[key] for name, key in keys.items() if payload[key] is not None}
    absent = {name: value for name, value in (defaults or {}).items() if is_absent(values.get(name))}
    try:
        parameters = model.model_validate(values | absent)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            name = str(item["loc"][0])
            reason = _REASONS.get(item["type"], item["msg"])
            origin = origin_of(name) if origin_of else ""
            errors.append(FieldError(keys.get(name) or spell(name), f"{reason}; {origin}" if origin else reason))
    if errors:
        known = f" The parameters are {', '.join(spell(name) for name in model.model_fields)}." if not origin_of else ""
        raise InvalidParameters(tuple(dict.fromkeys(errors)), detail=f"{InvalidParameters.detail}{known}")
    return parameters


def _unknown(key: str, spelled: Mapping[str, str]) -> FieldError:
    # The key is not quoted: it is the sender's text, and may be anything.
    import difflib  # noqa: PLC0415 - as in `nearest`

    near = difflib.get_close_matches(key, spelled, n=1, cutoff=0.8)
    return FieldError("payload", "has an unknown key" + (f"; did you mean {near[0]}?" if near else ""))


@lru_cache
def _spellings(model: type[CallParameters]) -> dict[str, str]:
    """Return the parameters' names by each of their spellings."""
    return {spell(name): name for name in model.model_fields for spell in (str, to_camel, to_pascal)}


def _spelling_of(payload: Mapping[str, Any], spelled: Mapping[str, str]) -> Callable[[str], str]:
    """Return how the payload spells its parameters: as the first one that it has, in snake_case if it has none."""
    key = next((key for key in payload if key in spelled), "")
    return _speller(key, spelled.get(key, ""))


@lru_cache
def _speller(key: str, name: str) -> Callable[[str], str]:
    return next(spell for spell in (str, to_camel, to_pascal) if spell(name) == key)
