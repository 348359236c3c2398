"""The exchanges as an `.http` file, in what the clients of JetBrains and of VS Code (REST Client) both understand.

Neither signs in the other's way, and neither leaves a request out: the file has what can be sent with its variables.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from local.collection.exchange import FORM, Body, Credential, Exchange
from local.collection.variables import TOKEN, Variable, reference

_WIDTH = 120


def http_file(document: Mapping[str, Any], exchanges: Iterable[Exchange], variables: Iterable[Variable]) -> str:
    """Return the text of the file.

    Args:
        document: OpenAPI, what the exchanges were made of.
        exchanges: a request each.
        variables: all that the exchanges name.
    """
    values = {variable.name: variable.value for variable in variables}
    sent = [
        exchange
        for exchange in exchanges
        if exchange.credential is not Credential.SIGNATURE
        and all(condition.holds(values) for condition in exchange.conditions)
    ]
    requests = [_request(exchange) for exchange in sent]
    used = [variable for variable in variables if any(reference(variable.name) in request for request in requests)]
    info = document["info"]
    head = [
        f"# {info['title']} {info['version']}. Written by `make collection` from the function's OpenAPI document.",
        "# The comment above a request says what it is answered with these variables and `make run`.",
        "",
        *(line for variable in used for line in (f"# {variable.description}", f"@{variable.name} = {variable.value}")),
    ]
    return "\n\n".join(["\n".join(head), *requests]) + "\n"


def _request(exchange: Exchange) -> str:
    target = reference("baseUrl") + exchange.path
    query = "&".join(f"{item.name}={item.value}" for item in exchange.query if item.required)
    summary = textwrap.wrap(exchange.description.split("\n\n")[0], _WIDTH - 2)
    code = exchange.expected.fields.get("code")
    answer = f"# Answer: {exchange.expected.status} {exchange.expected.content_type}" + (f" {code}" if code else "")
    lines = [
        f"### {exchange.name}",
        *(f"# {line}" for line in summary),
        answer,
        f"{exchange.method} {target}" + (f"?{query}" if query else ""),
    ]
    if exchange.credential is Credential.TOKEN:
        lines.append(f"Authorization: Bearer {reference(TOKEN)}")
    if exchange.body:
        lines += [f"Content-Type: {exchange.body.content_type}", "", _body(exchange.body)]
    return "\n".join(lines)


def _body(body: Body) -> str:
    if body.content_type == FORM:
        return "&".join(f"{name}={value}" for name, value in body.fields.items())
    return json.dumps(body.fields, indent=2, ensure_ascii=False)
