"""The scripts of Postman's requests, as lines of JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterable

from local.collection.exchange import Condition, Expected, Parameter
from local.collection.variables import SIGNER_SECRET, reference

# The headers of Standard Webhooks, and the variables that the script puts their values in.
SIGNED_HEADERS = tuple(
    Parameter(f"webhook-{name}", reference(f"webhook{name.capitalize()}"), description, required=True)
    for name, description in (
        ("id", "Of the webhook, the same whenever it is sent again."),
        ("timestamp", "When it was sent, in seconds since 1970."),
        ("signature", "HMAC-SHA256 over id, timestamp and body."),
    )
)

# The body is signed as it is sent: with the variables' values.
_SIGN = f"""\
const crypto = require("crypto-js");

const id = `msg_${{pm.variables.replaceIn("{{{{$guid}}}}")}}`;
const timestamp = Math.floor(Date.now() / 1000).toString();
const body = pm.variables.replaceIn(pm.request.body.raw);
const key = crypto.enc.Base64.parse(pm.variables.get("{SIGNER_SECRET}").replace(/^whsec_/, ""));
const signature = crypto.HmacSHA256(`${{id}}.${{timestamp}}.${{body}}`, key);

// As it was signed: values that change whenever they are asked for must not be drawn again.
pm.request.body.update({{ mode: "raw", raw: body, options: pm.request.body.options }});
pm.variables.set("webhookId", id);
pm.variables.set("webhookTimestamp", timestamp);
pm.variables.set("webhookSignature", `v1,${{crypto.enc.Base64.stringify(signature)}}`);"""


def before(conditions: Iterable[Condition], *, signed: bool) -> list[str]:
    """Return the script that runs before a request: it is left out where its answer would be another, or is signed."""
    lines = [
        f"if (pm.variables.get({_js(name)}) {'===' if unless else '!=='} {_js(value)}) pm.execution.skipRequest();"
        for name, value, unless in conditions
    ]
    return [*lines, *([""] if lines and signed else []), *(_SIGN.splitlines() if signed else [])]


def after(answer: Expected) -> list[str]:
    """Return the script that holds an answer against the document."""
    checks = (
        (f"HTTP {answer.status}", f"pm.response.to.have.status({answer.status})"),
        (
            f"content type {answer.content_type}",
            f'pm.expect(pm.response.headers.get("Content-Type").split(";")[0]).to.eql({_js(answer.content_type)})',
        ),
        *((f"header {name}", f"pm.response.to.have.header({_js(name)})") for name in answer.headers),
        *(
            (f"{name} is {_js(value)}", f"pm.expect(pm.response.json()[{_js(name)}]).to.eql({_js(value)})")
            for name, value in answer.fields.items()
        ),
    )
    schema = json.dumps(answer.schema, indent=2, ensure_ascii=False)
    return [
        *(f"pm.test({_js(name)}, () => {check});" for name, check in checks),
        "",
        *f"const schema = {schema};".splitlines(),
        'pm.test("the body is as in the OpenAPI document", () => pm.response.to.have.jsonSchema(schema));',
    ]


def _js(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
