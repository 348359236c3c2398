"""The exchanges as Postman has them: a collection (format v2.1) and an environment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from local.collection.exchange import FORM, Body, Credential, Exchange, Parameter
from local.collection.exchanges import FOLDERS, REFUSALS, SIGNED
from local.collection.scripts import SIGNED_HEADERS, after, before
from local.collection.variables import TOKEN, Variable, reference

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_NAMESPACE = uuid5(NAMESPACE_DNS, "mute-call.example")
_NO_AUTH = {"type": "noauth"}
_BEARER = {"type": "bearer", "bearer": [{"key": "token", "value": reference(TOKEN), "type": "string"}]}
# RFC 9110's, which Python has since 3.13: the file is the same whatever Python writes it.
_PHRASES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
_FOLDERS = {
    REFUSALS: "What a sender has to handle: each with its `code`, and whether sending it again can help.",
    SIGNED: "For callers that prove themselves by a signature instead of a token.",
}


def collection(
    document: Mapping[str, Any], exchanges: Iterable[Exchange], variables: Iterable[Variable]
) -> dict[str, Any]:
    """Return the collection; its secrets are empty, and come from an environment.

    Args:
        document: OpenAPI, what the exchanges were made of.
        exchanges: a request each.
        variables: all that the exchanges name.
    """
    info = document["info"]
    folders = _FOLDERS | {tag["name"]: tag["description"] for tag in document["tags"]}
    kept = list(exchanges)
    return {
        "info": {
            "_postman_id": _id("collection"),
            "name": info["title"],
            "version": info["version"],
            "description": f"{info['summary']}\n\n{info['description']}",
            "schema": _SCHEMA,
        },
        "auth": _BEARER,
        "item": [
            {
                "id": _id(folder),
                "name": folder,
                "description": folders[folder],
                "item": [_item(exchange) for exchange in kept if exchange.folder == folder],
            }
            for folder in FOLDERS
        ],
        "variable": [
            {
                "key": variable.name,
                "value": "" if variable.secret else variable.value,
                "description": variable.description,
            }
            for variable in variables
        ],
    }


def environment(variables: Iterable[Variable]) -> dict[str, Any]:
    """Return the environment of a developer's machine; its secrets are made up."""
    return {
        "id": _id("environment"),
        "name": "mute-call on this machine",
        "values": [
            {
                "key": variable.name,
                "value": variable.value,
                "type": "secret" if variable.secret else "default",
                "enabled": True,
            }
            for variable in variables
        ],
        "_postman_variable_scope": "environment",
    }


def _item(exchange: Exchange) -> dict[str, Any]:
    request = _request(exchange)
    example = exchange.expected.example
    scripts = {
        "prerequest": before(exchange.conditions, signed=exchange.credential is Credential.SIGNATURE),
        "test": after(exchange.expected),
    }
    return {
        "id": _id(f"{exchange.folder}/{exchange.name}"),
        "name": exchange.name,
        "request": request,
        "response": [_response(exchange, request, example)] if example else [],
        "event": [
            {"listen": moment, "script": {"type": "text/javascript", "exec": lines}}
            for moment, lines in scripts.items()
            if lines
        ],
    }


def _request(exchange: Exchange) -> dict[str, Any]:
    signed = exchange.credential is Credential.SIGNATURE
    content_type = [Parameter("Content-Type", exchange.body.content_type, "", required=True)] if exchange.body else []
    return {
        "method": exchange.method,
        **({} if exchange.credential is Credential.TOKEN else {"auth": _NO_AUTH}),
        "header": _parameters([*content_type, *(SIGNED_HEADERS if signed else exchange.headers)]),
        **({"body": _body(exchange.body)} if exchange.body else {}),
        "url": _url(exchange.path, exchange.query),
        "description": exchange.description,
    }


def _body(body: Body) -> dict[str, Any]:
    if body.content_type == FORM:
        return {
            "mode": "urlencoded",
            "urlencoded": [{"key": name, "value": value, "type": "text"} for name, value in body.fields.items()],
        }
    raw = json.dumps(body.fields, indent=2, ensure_ascii=False)
    return {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}


def _url(path: str, query: Sequence[Parameter]) -> dict[str, Any]:
    host = reference("baseUrl")
    text = "&".join(f"{parameter.name}={parameter.value}" for parameter in query if parameter.required)
    return {
        "raw": f"{host}{path}" + (f"?{text}" if text else ""),
        "host": [host],
        "path": path.removeprefix("/").split("/"),
        **({"query": _parameters(query)} if query else {}),
    }


def _parameters(parameters: Iterable[Parameter]) -> list[dict[str, Any]]:
    """Return query parameters or headers; those that may be absent are there, switched off."""
    return [
        {
            "key": parameter.name,
            "value": parameter.value,
            **({"description": parameter.description} if parameter.description else {}),
            **({} if parameter.required else {"disabled": True}),
        }
        for parameter in parameters
    ]


def _response(exchange: Exchange, request: dict[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document's example as what Postman calls a saved response."""
    status = HTTPStatus(exchange.expected.status)
    phrase = _PHRASES.get(status, status.phrase)
    return {
        "id": _id(f"{exchange.folder}/{exchange.name}/{status.value}"),
        "name": f"{status.value} {phrase}",
        "originalRequest": request,
        "status": phrase,
        "code": status.value,
        "_postman_previewlanguage": "json",
        "header": [{"key": "Content-Type", "value": exchange.expected.content_type}],
        "body": json.dumps(example, indent=2, ensure_ascii=False),
    }


def _id(name: str) -> str:
    """Return an id that stays the same, so that an import can replace what an earlier one has brought."""
    return str(uuid5(_NAMESPACE, name))
