"""The exchanges: one per operation and media type of the document, the refusals to handle, and a signed webhook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from local.collection.answers import expected
from local.collection.exchange import FORM, JSON, Body, Condition, Credential, Exchange, Parameter
from local.collection.variables import CALLER, MAY_GET, SIGNER, SIGNER_SECRET, YES, reference, with_variables
from local.openapi.operations import CALL, SERVICE
from shared.function import DEFAULT_CALLER

REFUSALS, SIGNED = "Refusals", "Signed webhooks"
FOLDERS = (CALL, REFUSALS, SIGNED, SERVICE)
_OK = 200
_SAMPLE = Path(__file__).resolve().parents[2] / "events" / "callers" / "standard-webhooks.json"
_IN_WORDS = {JSON: "as JSON", FORM: "as a form"}
_PATH = "/{caller}"
# What is meant to be refused asks for a call that does not exist: where a caller is let in after all, nobody is muted.
_JOB, _NO_JOB = "JobId", "job-0"


class _Refusal(NamedTuple):
    """How the first request is bent, and what is said to that."""

    name: str
    status: int
    code: str
    description: str
    fields: Mapping[str, str] = {}
    credential: Credential = Credential.TOKEN


_REFUSALS = (
    _Refusal(
        "Without a credential",
        401,
        "unauthorized",
        "A wrong token and a caller that does not exist get the very same answer.",
        credential=Credential.NONE,
    ),
    _Refusal(
        "A call that does not exist",
        404,
        "job_not_found",
        "The call has ended, or never was. Sending it again does not help.",
    ),
    _Refusal(
        "A wrong parameter",
        422,
        "invalid_parameters",
        "The agent is no `name@domain`. `errors` says what is wrong with which parameter.",
        {"UserId": "user-test"},
    ),
)


def exchanges_of(document: Mapping[str, Any]) -> list[Exchange]:
    """Return all exchanges, folder by folder.

    Args:
        document: OpenAPI, as `local.openapi` makes it.
    """
    operations = [
        exchange
        for path, item in document["paths"].items()
        for method in ("post", "get")
        if method in item
        for exchange in _of_operation(document, path, method)
    ]
    found = [*operations, *_refusals(document), _signed(document)]
    return sorted(found, key=lambda exchange: FOLDERS.index(exchange.folder))


def _of_operation(document: Mapping[str, Any], path: str, method: str) -> Iterator[Exchange]:
    """Yield an exchange for each media type that the operation takes, or the only one."""
    operation = document["paths"][path][method]
    parameters = operation.get("parameters", [])
    query = tuple(_parameter(item, document) for item in parameters if item["in"] == "query")
    (folder,) = operation["tags"]
    exchange = Exchange(
        folder,
        operation["summary"],
        operation["description"],
        method.upper(),
        re.sub(r"\{(\w+)\}", lambda found: reference(found[1]), path),
        expected(document, operation, _OK, None),
        query,
        headers=tuple(_parameter(item, document) for item in parameters if item["in"] == "header"),
        credential=Credential.TOKEN if operation.get("security", True) else Credential.NONE,
        conditions=_conditions(path, query),
    )
    bodies = _bodies(document, operation)
    if not bodies:
        yield exchange
    for body in bodies:
        yield replace(exchange, name=f"{exchange.name}, {_IN_WORDS[body.content_type]}", body=body)


def _bodies(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[Body]:
    """Return the first example of each media type that the operation takes; none if it takes no body."""
    content = operation.get("requestBody", {}).get("content", {})
    return [
        Body(kind, with_variables(next(iter(media["examples"].values()))["value"], document))
        for kind, media in content.items()
    ]


def _parameter(item: Mapping[str, Any], document: Mapping[str, Any]) -> Parameter:
    return Parameter(item["name"], with_variables(item["example"], document), item["description"], item["required"])


def _conditions(path: str, query: tuple[Parameter, ...]) -> tuple[Condition, ...]:
    # The token is the variable caller's.
    as_default = [Condition(CALLER, DEFAULT_CALLER)] if path == "/" else []
    return (*as_default, *([Condition(MAY_GET, YES)] if query else []))


def _refusals(document: Mapping[str, Any]) -> Iterator[Exchange]:
    operation = document["paths"][_PATH]["post"]
    first, *_ = _of_operation(document, _PATH, "post")
    body, *_ = _bodies(document, operation)
    for refusal in _REFUSALS:
        yield replace(
            first,
            folder=REFUSALS,
            name=refusal.name,
            description=refusal.description,
            expected=expected(document, operation, refusal.status, refusal.code),
            headers=(),
            body=body._replace(fields={**body.fields, _JOB: _NO_JOB, **refusal.fields}),
            credential=refusal.credential,
        )
    (by_query,) = _of_operation(document, _PATH, "get")
    yield replace(
        by_query,
        folder=REFUSALS,
        name="GET, where only POST is allowed",
        description="The operator has not allowed GET for this caller. `Allow` says what is.",
        expected=expected(document, document["paths"][_PATH]["get"], 405, "method_not_allowed"),
        query=tuple(item._replace(value=_NO_JOB) if item.name == _JOB else item for item in by_query.query),
        headers=(),
        conditions=(Condition(MAY_GET, YES, unless=True),),
    )


def _signed(document: Mapping[str, Any]) -> Exchange:
    payload = json.loads(_SAMPLE.read_text(encoding="utf-8"))
    return Exchange(
        SIGNED,
        "A webhook with a signature (Standard Webhooks)",
        (
            f"As the caller `{SIGNER}` of `local/callers.toml` sends it: a payload of its own shape, which the callers"
            " file maps to the parameters, and a signature over id, time and body; the script makes it."
        ),
        "POST",
        f"/{SIGNER}",
        expected(document, document["paths"][_PATH]["post"], _OK, None),
        body=Body(JSON, with_variables(payload, document)),
        credential=Credential.SIGNATURE,
        conditions=(Condition(SIGNER_SECRET, "", unless=True),),
    )
