"""What is made of the OpenAPI document, and written."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from functions.mute_call.index import MUTE_CALL
from local.collection import answers
from local.collection.__main__ import COLLECTION, ENVIRONMENT, HTTP_FILE, files, main
from local.collection.exchanges import exchanges_of
from local.collection.variables import variables_of
from local.openapi import document

DOCUMENT = document(MUTE_CALL)
EXCHANGES = exchanges_of(DOCUMENT)
VALUES = {variable.name: variable.value for variable in variables_of(DOCUMENT)}
TEXTS = files()
POSTMAN: dict[str, Any] = json.loads(TEXTS[COLLECTION])
ITEMS = [item for folder in POSTMAN["item"] for item in folder["item"]]
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
Sent = tuple[str, str, str | None]


def filled(text: str) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: VALUES[found[1]], text)


def headers_of(item: dict[str, Any]) -> dict[str, str]:
    return {header["key"]: header["value"] for header in item["request"]["header"] if not header.get("disabled")}


def sent(item: dict[str, Any]) -> Sent:
    request = item["request"]
    path = "/" + re.sub(r"\{\{(\w+)\}\}", r"{\1}", "/".join(request["url"]["path"]))
    return (request["method"], path, headers_of(item).get("Content-Type"))


def operations() -> set[Sent]:
    found: set[Sent] = set()
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                kinds = operation.get("requestBody", {}).get("content", [None])
                found |= {(method.upper(), path, kind) for kind in kinds}
    return found


def test_every_operation_has_a_request_for_each_media_type() -> None:
    described = [folder for folder in POSTMAN["item"] if folder["name"] in {tag["name"] for tag in DOCUMENT["tags"]}]
    made = Counter(sent(item) for folder in described for item in folder["item"])
    assert made == Counter(operations())


def test_a_body_is_the_documents_example() -> None:
    content = DOCUMENT["paths"]["/{caller}"]["post"]["requestBody"]["content"]
    by_type = {kind: media["examples"]["documented"]["value"] for kind, media in content.items()}
    json_body, form = (item["request"]["body"] for item in ITEMS[:2])
    assert json.loads(filled(json_body["raw"])) == by_type[JSON]
    assert {field["key"]: filled(field["value"]) for field in form["urlencoded"]} == by_type[FORM]


def test_the_parameters_of_a_query_are_the_documents_and_the_optional_ones_switched_off() -> None:
    described = [item for item in DOCUMENT["paths"]["/{caller}"]["get"]["parameters"] if item["in"] == "query"]
    (item,) = (item for item in ITEMS if item["name"] == "Mute call by a query")
    told = [
        (field["key"], filled(field["value"]), not field.get("disabled")) for field in item["request"]["url"]["query"]
    ]
    assert told == [(each["name"], each["example"], each["required"]) for each in described]
    assert [required for _, _, required in told].count(False) == 1


def test_an_idempotency_key_is_there_to_be_switched_on() -> None:
    (header,) = (header for header in ITEMS[0]["request"]["header"] if header["key"] == "Idempotency-Key")
    assert header["disabled"]


def test_names_and_ids_are_each_ones_own() -> None:
    def ids(value: Any) -> list[str]:
        if isinstance(value, list):
            return [found for each in value for found in ids(each)]
        if not isinstance(value, dict):
            return []
        own = [text for key, text in value.items() if key in ("id", "_postman_id")]
        return own + [found for each in value.values() for found in ids(each)]

    assert max(Counter(ids([POSTMAN, json.loads(TEXTS[ENVIRONMENT])])).values()) == 1
    assert max(Counter(item["name"] for item in ITEMS).values()) == 1


def test_every_variable_that_is_named_has_a_value_or_is_made_by_a_script() -> None:
    known = {variable["key"] for variable in POSTMAN["variable"]}
    made = set(re.findall(r'pm\.variables\.set\(\\"(\w+)', TEXTS[COLLECTION]))
    assert made == {"webhookId", "webhookTimestamp", "webhookSignature"}
    assert set(re.findall(r"\{\{(\w+)\}\}", TEXTS[COLLECTION])) == known - {"mayGet", "crmSecret"} | made
    assert {value["key"] for value in json.loads(TEXTS[ENVIRONMENT])["values"]} == known
    named = set(re.findall(r"\{\{(\w+)\}\}", TEXTS[HTTP_FILE]))
    assert set(re.findall(r"^@(\w+) = \S+$", TEXTS[HTTP_FILE], re.MULTILINE)) == named


def test_secrets_are_in_the_environment_alone_and_named_as_such() -> None:
    secrets = [variable for variable in variables_of(DOCUMENT) if variable.secret]
    assert [variable.name for variable in secrets] == ["token", "crmSecret"]
    assert [variable.name for variable in secrets if variable.value in TEXTS[COLLECTION]] == []
    kinds = {value["key"]: value["type"] for value in json.loads(TEXTS[ENVIRONMENT])["values"]}
    assert [name for name, kind in kinds.items() if kind == "secret"] == [variable.name for variable in secrets]


def test_the_token_goes_with_every_request_but_those_that_need_none() -> None:
    without = [item["name"] for item in ITEMS if item["request"].get("auth") == {"type": "noauth"}]
    assert without == [
        "Without a credential",
        "A webhook with a signature (Standard Webhooks)",
        "Whether any caller can be served",
        "This document",
    ]
    assert POSTMAN["auth"]["bearer"][0]["value"] == "{{token}}"


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_a_schema_takes_the_documents_examples_and_no_others(exchange: Any) -> None:
    schema = exchange.expected.schema
    Draft7Validator.check_schema(schema)
    assert "$ref" not in json.dumps(schema)
    assert not Draft7Validator(schema).is_valid({})
    if exchange.expected.example:
        Draft7Validator(schema).validate(exchange.expected.example)


@pytest.mark.parametrize(
    ("name", "checks"),
    [
        ("Mute call, as JSON", ["HTTP 200", "content type application/json", 'status is "muted"']),
        (
            "Without a credential",
            [
                *("HTTP 401", "content type application/problem+json", "header WWW-Authenticate"),
                *("status is 401", 'code is "unauthorized"', "retryable is false"),
            ],
        ),
        ("Whether any caller can be served", ["HTTP 200", "content type application/json", 'status is "ok"']),
        ("This document", ["HTTP 200", "content type application/json"]),
    ],
)
def test_the_script_after_a_request_checks_what_the_document_says(name: str, checks: list[str]) -> None:
    (item,) = (item for item in ITEMS if item["name"] == name)
    (script,) = ("\n".join(event["script"]["exec"]) for event in item["event"] if event["listen"] == "test")
    made = [json.loads(text) for text in re.findall(r'^pm\.test\(("(?:[^"\\]|\\.)*"),', script, re.MULTILINE)]
    assert made == [*checks, "the body is as in the OpenAPI document"]


def test_a_property_called_like_an_annotation_is_kept() -> None:
    answer = answers.expected(DOCUMENT, DOCUMENT["paths"]["/"]["post"], 404, "job_not_found")
    problem, ours = answer.schema["allOf"]
    assert problem["properties"]["title"] == {"type": "string"}
    assert ours["properties"]["code"]["enum"][0] == "job_not_found"
    assert "description" not in json.dumps(answer.schema)


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [(401, "unauthorized", ("WWW-Authenticate",)), (405, "method_not_allowed", ("Allow",)), (404, "job_not_found", ())],
)
def test_the_headers_that_an_answer_always_has_are_expected(status: int, code: str, headers: tuple[str, ...]) -> None:
    answer = answers.expected(DOCUMENT, DOCUMENT["paths"]["/"]["post"], status, code)
    assert answer.headers == headers
    assert answer.fields == {"status": status, "code": code, "retryable": False}


def test_what_is_outdated_is_named_and_then_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], root=tmp_path) == 0
    names = [f"docs/http/{name}" for name in TEXTS]
    assert capsys.readouterr().out.splitlines() == names
    assert main(["--check"], root=tmp_path) == 0
    assert capsys.readouterr().out == ""

    changed, removed = tmp_path / names[0], tmp_path / names[2]
    changed.write_text("{}\n", encoding="utf-8")
    removed.unlink()
    assert main(["--check"], root=tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: not what `make collection` writes" for name in (names[0], names[2])
    ]
    assert changed.read_text(encoding="utf-8") == "{}\n"

    assert main([], root=tmp_path) == 0
    assert capsys.readouterr().out.splitlines() == [names[0], names[2]]
    assert {name: (tmp_path / "docs/http" / name).read_text(encoding="utf-8") for name in TEXTS} == TEXTS
