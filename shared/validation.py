"""Turns a model's errors into lines for an operator: a place and a sentence, never the value, which may be a secret."""

import contextlib
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

# Instead of pydantic's own messages, which speak to programmers; what is in braces is the rule's, and not the value's.
_SENTENCES = {
    "missing": "Value is required",
    "extra_forbidden": "Key is unknown",
    "none_required": "Key has no meaning here",
    "literal_error": "Value should be {expected}",
    "bool_type": "Value should be true or false",
    "bool_parsing": "Value should be true or false",
    "string_type": "Value should be a text in quotes",
    "string_unicode": "Value should be text in UTF-8",
    "string_too_short": "Value should not be empty",
    "string_too_long": "Value should have at most {max_length} characters",
    "string_pattern_mismatch": "Value does not have the required form",
    "int_type": "Value should be a whole number",
    "int_parsing": "Value should be a whole number",
    "int_from_float": "Value should be a whole number",
    "greater_than_equal": "Value should be at least {ge}",
    "less_than_equal": "Value should be at most {le}",
    "list_type": "Value should be a list",
    "sequence_str": "Value should be a list",
    "too_short": "Value should not be empty",
    "too_long": "Value should have at most {max_length} items",
}
TABLE_TYPES = ("dict_type", "model_type", "model_attributes_type")
_SENTENCES |= dict.fromkeys(TABLE_TYPES, "Value should be a table")
_LEAST_PREFIX = 3
# From 0 to 1; the matcher's own measure.
_LIKE = 0.8


class Table(BaseModel):
    """A table of the callers file, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True, defer_build=True)


def once_each(values: list[str]) -> list[str]:
    """Refuse a list in which a value comes twice."""
    if len(set(values)) < len(values):
        raise PydanticCustomError("once", "Values must differ: remove the second")
    return values


def says(sentence: str, accepts: Callable[[Any], bool] = lambda _: True) -> WrapValidator:
    """Return a validator that reports every fault of a value in the same sentence.

    Args:
        sentence: what the value should be.
        accepts: whether a value that has passed the other rules is good.
    """

    def check(value: Any, validate: Callable[[Any], Any]) -> Any:
        with contextlib.suppress(ValidationError):
            if accepts(found := validate(value)):
                return found
        raise PydanticCustomError("rule", "{sentence}", {"sentence": sentence})

    return WrapValidator(check)


def whole_number(least: int, most: int) -> WrapValidator:
    """Return a validator for an integer's range."""
    return says(f"Value should be a whole number from {least} to {most}", lambda value: least <= value <= most)


def describe(
    error: ValidationError, *, sentence_for: Callable[[str, tuple[int | str, ...]], str | None] = lambda *_: None
) -> list[str]:
    """Return one line per error, `place: sentence`, the parts of the place joined with dots.

    Args:
        error: what pydantic found.
        sentence_for: returns a sentence for an error of this type at this place, `None` for the usual one.
    """
    return [
        f"{_place_of(item['loc'])}: {sentence_for(item['type'], item['loc']) or sentence_of(item)}"
        for item in error.errors(include_input=False, include_url=False)
    ]


def _place_of(location: tuple[int | str, ...]) -> str:
    # What pydantic puts behind a key that is wrong itself.
    return ".".join(str(part) for part in location if part != "[key]") or "callers"


def sentence_of(item: Any) -> str:
    """Return a sentence for one of pydantic's errors."""
    context = {name: str(value).replace("'", "") for name, value in item.get("ctx", {}).items()}
    sentence = _SENTENCES.get(item["type"])
    return str(item["msg"]) if sentence is None else sentence.format(**context)


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return which of the known names was probably meant, `None` where none is like it."""
    plain, given = {_plain(each): each for each in known}, _plain(name)
    for text, each in plain.items():
        if len(name) >= _LEAST_PREFIX and text.startswith(given):
            return each
    close = [text for text in plain if _may_be_like(text, given)]
    if not close:
        return None
    # Imported where a name may be wrong, and nowhere else: a cold start does not pay for it.
    import difflib  # noqa: PLC0415

    return next((plain[text] for text in difflib.get_close_matches(given, close, n=1, cutoff=_LIKE)), None)


def unknown_key(key: str, known: Collection[str], otherwise: str) -> str:
    """Return the sentence for an unknown key: the key that was meant, or the known keys."""
    meant = nearest(key, known)
    return f"Key is unknown; did you mean `{meant}`?" if meant else f"Key is unknown; {otherwise}"


def _may_be_like(one: str, other: str) -> bool:
    """Whether two texts have enough letters in common, wherever these stand."""
    enough = _LIKE * (len(one) + len(other)) / 2 - 0.01
    return min(len(one), len(other)) > enough and (Counter(one) & Counter(other)).total() > enough


def _plain(name: str) -> str:
    """Return a name in one style: `JobId` is `job_id`."""
    return name.replace("_", "").replace("-", "").lower()
