"""The authentication of callers: as security schemes where OpenAPI has one, otherwise in words."""

from __future__ import annotations

import inspect
from typing import Any

from shared.callers.schemes import SCHEMES
from shared.callers.schemes.vendors import VENDORS

_EXPRESSED: dict[str, tuple[str, dict[str, Any]]] = {
    "bearer": ("A token in `Authorization: Bearer`.", {"type": "http", "scheme": "bearer"}),
    "basic": ("User name and password, in UTF-8.", {"type": "http", "scheme": "basic"}),
    "api-key": (
        "A key in this header, or where the operator chooses: in another header, in the query, or in the body.",
        {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    ),
}
# One of them, or none where the credential is a signature, or where the operator lets anybody in.
ALTERNATIVES: tuple[dict[str, list[str]], ...] = (*({name: list[str]()} for name in _EXPRESSED), {})


def security_schemes() -> dict[str, Any]:
    """Return the schemes that OpenAPI can express, under the names that the callers file has for them."""
    return {
        name: {**scheme, "description": f"{description} For callers with the scheme `{name}`."}
        for name, (description, scheme) in _EXPRESSED.items()
    }


def schemes_in_words() -> str:
    """Return a paragraph and a list, in Markdown, of the other ways to prove oneself over HTTP."""
    others = {name: kind for name, kind in SCHEMES.items() if kind.over_http and name not in (*_EXPRESSED, *VENDORS)}
    lines = [f"* `{name}`: {(inspect.getdoc(kind) or '').splitlines()[0]}" for name, kind in others.items()]
    vendors = ", ".join(f"`{name}`" for name in VENDORS)
    return (
        "Each caller has one authentication scheme. Besides those that OpenAPI has a security scheme for, these exist;"
        " but for `none`, they are signatures that the sender makes by itself.\n\n"
        + "\n".join(lines)
        + f"\n* {vendors}: the vendor's own signature."
    )
