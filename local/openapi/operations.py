"""The paths and their operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from local.openapi.responses import health_responses
from local.openapi.schemas import refer, text_schema
from shared.action import Action
from shared.callers.file import RESERVED_NAMES, CallerName
from shared.runtime.event import MAX_BODY_BYTES

CALL, SERVICE = "Call", "Service"
_DEFAULT_CALLER = "default"


def paths(action: Action, definitions: dict[str, Any], responses: Iterable[str]) -> dict[str, Any]:
    """Return the paths.

    Args:
        action: what the function does.
        definitions: the schemas, by name.
        responses: the names of the responses of a call; each ends in its status.
    """
    answers = {name[-3:]: {"$ref": f"#/components/responses/{name}"} for name in responses}
    model = definitions[action.parameters.__name__]
    return {
        "/{caller}": {
            "parameters": [_caller()],
            "post": _by_body(action, model, answers, as_caller=False),
            "get": _by_query(action, model, answers, as_caller=False),
        },
        "/": {
            "post": _by_body(action, model, answers, as_caller=True),
            "get": _by_query(action, model, answers, as_caller=True),
        },
        "/healthz": {"get": _health()},
        "/openapi.json": {"get": _self()},
    }


def _by_body(action: Action, model: dict[str, Any], answers: dict[str, Any], *, as_caller: bool) -> dict[str, Any]:
    """Return the operation whose parameters are in a body; `as_caller` if its path stands for one caller."""
    documented = {name: model["properties"][name]["examples"][0] for name in model["required"]}
    examples = {"documented": {"summary": "The example of the API reference", "value": documented}}
    types = {"application/json": model["title"], "application/x-www-form-urlencoded": f"{model['title']}Form"}
    return _named(action, "", as_caller=as_caller) | {
        "description": (
            f"Calls `{action.name}`, once for each idempotency key. The names of the parameters may also be written in"
            " camelCase or snake_case; unknown names are refused, and so are duplicates. Media types ending in `+json`"
            " count as JSON.\n\n"
            "A caller with a mapping sends its own payload instead of the one described here."
        ),
        "parameters": [_idempotency_key()],
        "requestBody": {
            "description": f"The parameters, in UTF-8, at most {MAX_BODY_BYTES} bytes.",
            "required": True,
            "content": {kind: {"schema": refer(name), "examples": examples} for kind, name in types.items()},
        },
        "responses": answers,
    }


def _by_query(action: Action, model: dict[str, Any], answers: dict[str, Any], *, as_caller: bool) -> dict[str, Any]:
    """Return the operation whose parameters are in the query."""
    return _named(action, "ByQuery", as_caller=as_caller) | {
        "description": (
            "The same for senders that can only open a URL. It is for callers whom the operator allows"
            " GET; all others get 405."
        ),
        "parameters": [
            *(
                _parameter(name, schema, required=name in model["required"])
                for name, schema in model["properties"].items()
            ),
            _idempotency_key(),
        ],
        "responses": answers,
    }


def _named(action: Action, suffix: str, *, as_caller: bool) -> dict[str, Any]:
    words = " ".join(re.findall(r"[A-Z][a-z0-9]*", action.name)).capitalize()
    name = action.name[0].lower() + action.name[1:] + ("AsDefault" if as_caller else "") + suffix
    how = (" by a query" if suffix else "") + (f", as the caller `{_DEFAULT_CALLER}`" if as_caller else "")
    return {"operationId": name, "tags": [CALL], "summary": f"{words}{how}"}


def _parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    rules = text_schema(schema)
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": rules.pop("description"),
        "example": rules.pop("examples")[0],
        "schema": rules,
    }


def _idempotency_key() -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": (
            "An id of this request, the same whenever it is sent again: it is carried out once. It counts for callers"
            " whose scheme signs nothing; for the others the signed id or the signature does."
        ),
        "example": "mute-4711",
        # Visible characters: a key in another alphabet would not pass as a header.
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    }


def _caller() -> dict[str, Any]:
    reserved = ", ".join(f"`{name}`" for name in RESERVED_NAMES)
    return {
        "name": "caller",
        "in": "path",
        "required": True,
        "description": (
            f"The name that the operator gave to the sender; none is called {reserved}. The path `/` stands for"
            f" `{_DEFAULT_CALLER}`."
        ),
        "example": _DEFAULT_CALLER,
        "schema": TypeAdapter(CallerName).json_schema(),
    }


def _health() -> dict[str, Any]:
    return {
        "operationId": "health",
        "tags": [SERVICE],
        "summary": "Whether any caller can be served",
        "description": "Checks only the configuration of the function, and calls no service.",
        "security": [],
        "responses": health_responses(),
    }


def _self() -> dict[str, Any]:
    schema = {"type": "object", "required": ["openapi", "info", "paths"], "description": "OpenAPI 3.1."}
    return {
        "operationId": "openapi",
        "tags": [SERVICE],
        "summary": "This document",
        "description": "The description of this function, the same for every client.",
        "security": [],
        "responses": {"200": {"description": "This document.", "content": {"application/json": {"schema": schema}}}},
    }
