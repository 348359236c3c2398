"""How a model's errors are told to an operator: where and what, never the value, which may be a secret."""

from __future__ import annotations

from pydantic import ValidationError

# Pydantic's own messages quote what stands in place of a tag.
_MESSAGES = {"union_tag_invalid": "Unknown scheme", "union_tag_not_found": "Scheme is required"}


def describe(error: ValidationError, *, union: tuple[int, str] = (0, "")) -> list[str]:
    """Return one line per error, `place: message`, the parts of the place joined with dots.

    Args:
        error: what pydantic found.
        union: position and name of a key whose value's model is chosen by a tag: pydantic inserts the tag behind it,
            and no key of the file says so.
    """
    errors = error.errors(include_input=False, include_url=False, include_context=False)
    return [f"{_place(item['loc'], *union)}: {_MESSAGES.get(item['type'], item['msg'])}" for item in errors]


def _place(location: tuple[int | str, ...], position: int, name: str) -> str:
    tagged = location[position : position + 1] == (name,)
    parts = [part for index, part in enumerate(location) if not tagged or index != position + 1]
    return ".".join(map(str, parts)) or "callers"
