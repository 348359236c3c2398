"""How callers prove who they are: one model per kind of proof, and a row of data for each vendor that signs.

A vendor is added as a row of `vendors.py`; a scheme of another kind by its model, named in `_MODELS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.callers.schemes.platform import Anonymous, Ram
from shared.callers.schemes.scheme import Proof, Scheme
from shared.callers.schemes.signature import Hash, Hmac
from shared.callers.schemes.tokens import ApiKey, Basic, Bearer
from shared.callers.schemes.twilio import Twilio
from shared.callers.schemes.vendors import VENDORS, keys_taken

__all__ = ["SCHEMES", "Anonymous", "Auth", "Proof", "Ram", "Scheme", "keys_of", "read_auth"]

_MODELS: dict[str, type[Scheme] | None] = {
    "bearer": Bearer,
    "basic": Basic,
    "api-key": ApiKey,
    "hmac": Hmac,
    "hash": Hash,
    "jwt": None,
    "twilio": Twilio,
    "ram": Ram,
    "none": Anonymous,
}


class _Schemes(Mapping[str, type[Scheme]]):
    """The models, by the name that the callers file has; one that few files have is imported when it is asked for."""

    def __getitem__(self, name: str) -> type[Scheme]:
        model = _MODELS[VENDORS[name].keys.get("scheme", "hmac") if name in VENDORS else name]
        if model is None:
            from shared.callers.schemes.jwt import Jwt  # noqa: PLC0415

            return Jwt
        return model

    def __iter__(self) -> Iterator[str]:
        return iter((*_MODELS, *VENDORS))

    def __len__(self) -> int:
        return len(_MODELS) + len(VENDORS)


SCHEMES = _Schemes()


def keys_of(name: str) -> tuple[str, ...]:
    """Return the keys that a scheme takes in the callers file."""
    return keys_taken(VENDORS[name]) if name in VENDORS else tuple(SCHEMES[name].model_fields)


def read_auth(table: object) -> Scheme:
    """Return the scheme that a table of the callers file describes; only the model that it names is built.

    Raises:
        ValidationError, PydanticCustomError: the table is wrong.
    """
    if isinstance(table, Scheme):
        return table
    if not isinstance(table, Mapping):
        raise PydanticCustomError("model_type", "Value should be a table")
    name = table.get("scheme")
    if name is None:
        raise PydanticCustomError("union_tag_not_found", "Scheme is required")
    if not isinstance(name, str) or name not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise PydanticCustomError("union_tag_invalid", "Unknown scheme", {"tag": str(name), "expected_tags": known})
    if name not in VENDORS:
        return SCHEMES[name].model_validate(dict(table))
    _refuse_other_keys(table, keys_of(name))
    return SCHEMES[name].model_validate({**VENDORS[name].keys, **table})


def _refuse_other_keys(table: Mapping[str, Any], taken: tuple[str, ...]) -> None:
    errors = [InitErrorDetails(type="extra_forbidden", loc=(key,), input=None) for key in table if key not in taken]
    if errors:
        raise ValidationError.from_exception_data("auth", errors, hide_input=True)


Auth = Annotated[Scheme, PlainValidator(read_auth)]
