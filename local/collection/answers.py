"""What the document says of an answer, as a sender can check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.collection.exchange import Expected

# What a sender branches on.
_TOLD = ("status", "code", "retryable")
_ANNOTATIONS = frozenset(["title", "description", "examples"])


def expected(document: Mapping[str, Any], operation: Mapping[str, Any], status: int, code: str | None) -> Expected:
    """Return the answer of an operation.

    Args:
        document: OpenAPI, as `local.openapi` makes it.
        operation: of the document.
        status: one that the operation has.
        code: of the problem; None for a success.
    """
    response = _resolve(operation["responses"][str(status)], document)
    ((content_type, media),) = response["content"].items()
    headers = response.get("headers", {})
    examples = media.get("examples", {})
    chosen = examples[code] if code else next(iter(examples.values()), None)
    body = chosen["value"] if chosen else None
    return Expected(
        status,
        content_type,
        tuple(name for name, header in headers.items() if header["required"]),
        _plain(media["schema"], document),
        {name: body[name] for name in _TOLD if name in body} if body else {},
        body,
    )


def _plain(schema: Any, document: Mapping[str, Any]) -> Any:
    """Return a schema on its own, without references: nothing but rules, all of which draft 7 of JSON Schema has."""
    if isinstance(schema, list):
        return [_plain(each, document) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(_resolve(schema, document), document)
    rules = {key: _plain(value, document) for key, value in schema.items() if key not in _ANNOTATIONS}
    if "properties" in schema:
        # Whose names are the sender's words, `title` among them.
        rules["properties"] = {name: _plain(each, document) for name, each in schema["properties"].items()}
    return rules


def _resolve(value: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    if "$ref" not in value:
        return value
    found: Any = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found
