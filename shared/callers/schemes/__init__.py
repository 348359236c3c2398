"""The authentication schemes: one model for each kind, and a row of data for each vendor that signs.

To add a vendor, add a row to `vendors.py`. To add another kind of scheme, add its model to `_MODELS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Annotated

from pydantic import PlainValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.callers.schemes.platform import Anonymous, Ram
from shared.callers.schemes.scheme import Proof, Scheme
from shared.callers.schemes.signature import Hash, Hmac
from shared.callers.schemes.tokens import ApiKey, Basic, Bearer
from shared.callers.schemes.vendors import VENDORS, keys_taken
from shared.validation import nearest, sentence_of, unknown_key

__all__ = ["SCHEMES", "Anonymous", "Auth", "Proof", "Ram", "Scheme", "keys_of", "read_auth"]

_MODELS: dict[str, type[Scheme] | None] = {
    "bearer": Bearer,
    "basic": Basic,
    "api-key": ApiKey,
    "hmac": Hmac,
    "hash": Hash,
    "jwt": None,
    "twilio": None,
    "plivo": None,
    "ram": Ram,
    "none": Anonymous,
}


class _Schemes(Mapping[str, type[Scheme]]):
    """The models, by the name that the callers file has; one that few files have is imported when it is asked for."""

    def __getitem__(self, name: str) -> type[Scheme]:
        kind = VENDORS[name].keys.get("scheme", "hmac") if name in VENDORS else name
        return _MODELS[kind] or _imported(kind)

    def __iter__(self) -> Iterator[str]:
        return iter((*_MODELS, *VENDORS))

    def __len__(self) -> int:
        return len(_MODELS) + len(VENDORS)


def _imported(kind: str) -> type[Scheme]:
    if kind == "jwt":
        from shared.callers.schemes.jwt import Jwt  # noqa: PLC0415

        return Jwt
    from shared.callers.schemes import twilio  # noqa: PLC0415

    return twilio.Twilio if kind == "twilio" else twilio.Plivo


SCHEMES = _Schemes()

_GENERAL = "bearer, basic, api-key, hmac, hash or jwt"


def keys_of(name: str) -> tuple[str, ...]:
    """Return the keys that a scheme takes in the callers file."""
    if name in VENDORS:
        return keys_taken(VENDORS[name])
    fields = SCHEMES[name].model_fields
    return tuple(key for key in fields if key != "secrets" or fields[key].annotation is not NoneType)


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
        raise PydanticCustomError("scheme", 'Scheme is required: add scheme = "…"')
    if not isinstance(name, str) or name not in SCHEMES:
        meant = nearest(str(name), SCHEMES)
        hint = f"did you mean `{meant}`?" if meant else f"a sender without a scheme of its own is one of {_GENERAL}"
        raise PydanticCustomError("scheme", "Unknown scheme; {hint}", {"hint": hint})
    taken = keys_of(name)
    wrong = [key for key in table if key not in taken]
    own = VENDORS[name].keys if name in VENDORS else {}
    try:
        scheme = SCHEMES[name].model_validate({**own, **{key: table[key] for key in table if key in taken}})
    except ValidationError as error:
        if not wrong:
            raise
        faults = [(item["loc"], sentence_of(item)) for item in error.errors(include_input=False, include_url=False)]
    else:
        if not wrong:
            return scheme
        faults = []
    faults += [((key,), _fault_of_key(name, key)) for key in wrong]
    errors: list[InitErrorDetails] = [
        {"type": PydanticCustomError("auth", "{fault}", {"fault": fault}), "loc": place, "input": None}
        for place, fault in faults
    ]
    raise ValidationError.from_exception_data("auth", errors, hide_input=True)


def _fault_of_key(name: str, key: str) -> str:
    """Return what is wrong with a key that a scheme does not take, by the keys of that scheme."""
    taken = [f"`{each}`" for each in keys_of(name) if each != "scheme"]
    takes = f"takes {', '.join(taken) or 'nothing else'}"
    if any(key in keys_of(other) for other in SCHEMES):
        return f"`{name}` takes no `{key}`: remove it; it {takes}"
    return unknown_key(key, keys_of(name), f"`{name}` {takes}")


Auth = Annotated[Scheme, PlainValidator(read_auth)]
