"""How a model's errors are told to an operator: where and what, never the value, which may be a secret."""

from __future__ import annotations

from pydantic import ValidationError


def describe(error: ValidationError) -> list[str]:
    """Return one line per error, `place: message`, the parts of the place joined with dots."""
    errors = error.errors(include_input=False, include_url=False, include_context=False)
    return [f"{_place(item['loc'])}: {item['msg']}" for item in errors]


def _place(location: tuple[int | str, ...]) -> str:
    # Behind `auth` pydantic inserts the scheme, by which it chose the model; the file has no such key.
    parts = [part for before, part in zip(("", *location), location, strict=False) if before != "auth"]
    return ".".join(str(part) for part in parts)
