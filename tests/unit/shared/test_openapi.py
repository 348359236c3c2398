from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from local.openapi import document
from local.openapi.__main__ import main as write_documents
from shared.action import Action
from shared.callers.schemes import SCHEMES, Proof
from shared.payload.parameters import CallParameters, read_parameters
from shared.problems import InvalidParameters, Problem, Upstream, UpstreamProblem, problem_types
from tests.builders import PAYLOAD
from tests.unit.shared.fakes import BEARER, MUTE_CALL, Reply, World

ROOT = Path(__file__).parents[3]
DOCUMENT = document(MUTE_CALL)
SCHEMAS = DOCUMENT["components"]["schemas"]
PARAMETERS = SCHEMAS["CallParameters"]
INSTANCES = 'instances = ["ccc-test"]\n'
PROBLEM_TYPE = "application/problem+json"
METHODS = ("get", "post")
Lines = Callable[[], list[dict[str, Any]]]


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Return a validator for a schema whose references lead into the document."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def validate_openapi(whole: dict[str, Any]) -> None:
    """Raise for what is no OpenAPI; every process of a run imports this module, and the validator takes long."""
    import_module("openapi_spec_validator").OpenAPIV31SpecValidator(whole).validate()


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference stands for, and anything else as it is."""
    if "$ref" not in node:
        return node
    found: Any = DOCUMENT
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    assert isinstance(found, dict)
    return found


def operations() -> dict[str, dict[str, Any]]:
    return {
        f"{method} {path}": item[method]
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS
        if method in item
    }


CALLS = {name: operation for name, operation in operations().items() if operation["tags"] == ["Call"]}


def answer_schema(status: int, content_type: str, call: str = "post /") -> dict[str, Any]:
    schema = resolved(CALLS[call]["responses"][str(status)])["content"][content_type]["schema"]
    assert isinstance(schema, dict)
    return schema


def check(reply: Reply) -> None:
    """Assert that an answer is one of the document's, headers included."""
    content_type = reply.headers["Content-Type"]
    assert list(validator(answer_schema(reply.status, content_type)).iter_errors(reply.body)) == []
    headers = resolved(CALLS["post /"]["responses"][str(reply.status)]).get("headers", {})
    assert {name for name, header in headers.items() if header["required"]} <= set(reply.headers)
    assert set(reply.headers) <= {"Content-Type", "Cache-Control", *headers}


def nodes(value: object) -> Iterator[dict[str, Any]]:
    """Yield every object of the document but those that are examples."""
    if isinstance(value, dict):
        yield value
        for name, child in value.items():
            if name not in ("example", "examples"):
                yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


# The document


def test_the_document_is_valid_openapi() -> None:
    validate_openapi(DOCUMENT)


def test_everything_is_described() -> None:
    described = [
        *operations().values(),
        *DOCUMENT["components"]["securitySchemes"].values(),
        *DOCUMENT["servers"],
        *DOCUMENT["tags"],
        *SCHEMAS.values(),
        DOCUMENT["externalDocs"],
    ]
    for node in nodes(DOCUMENT):
        described += node.get("parameters", [])
        for key in ("properties", "headers", "responses"):
            described += node.get(key, {}).values()
        described += [node["requestBody"]] if "requestBody" in node else []

    assert [node for node in described if "$ref" not in node and not node.get("description")] == []
    assert len(described) > 100


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_known_tag() -> None:
    named = {operation["operationId"] for operation in operations().values()}

    assert len(named) == len(operations()) == 6
    assert all(operation["summary"] for operation in operations().values())
    assert {tag for operation in operations().values() for tag in operation["tags"]} == {
        tag["name"] for tag in DOCUMENT["tags"]
    }


def test_every_schema_and_response_is_referred_to() -> None:
    references = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}

    assert references == {
        f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in DOCUMENT["components"][kind]
    }


@pytest.mark.parametrize("call", CALLS)
def test_each_status_has_the_codes_of_the_tree_and_none_else(call: str) -> None:
    told = {
        (code, int(status))
        for status, response in CALLS[call]["responses"].items()
        if PROBLEM_TYPE in resolved(response)["content"]
        for code in resolved(response)["content"][PROBLEM_TYPE]["schema"]["allOf"][1]["properties"]["code"]["enum"]
    }

    assert told == {(kind.code, kind.status) for kind in problem_types()}
    assert set(CALLS[call]["responses"]) == {"200", *(str(kind.status) for kind in problem_types())}
    assert set(SCHEMAS["ProblemBody"]["properties"]["code"]["enum"]) == {code for code, _ in told}


@pytest.mark.parametrize("kind", list(problem_types()), ids=lambda kind: kind.code)
def test_a_code_is_told_in_words_and_shown(kind: type[Problem]) -> None:
    response = DOCUMENT["components"]["responses"][f"Problem{kind.status}"]

    (line,) = [line for line in response["description"].splitlines() if f"`{kind.code}`" in line]
    assert kind.detail in line
    assert ("retryable" in line) is kind.retryable
    shown = response["content"][PROBLEM_TYPE]["examples"][kind.code]["value"]
    assert (shown["code"], shown["status"], shown["retryable"]) == (kind.code, kind.status, kind.retryable)


def test_every_way_over_http_to_prove_oneself_is_told() -> None:
    expressed = set(DOCUMENT["components"]["securitySchemes"])
    lines = re.findall(r"^\* (`[a-z-]+`.*?): \S.*$", DOCUMENT["info"]["description"], re.MULTILINE)
    in_words = {name for line in lines for name in re.findall(r"`([a-z-]+)`", line)}

    assert not expressed & in_words
    assert expressed | in_words == {name for name, kind in SCHEMES.items() if kind.over_http}


def test_the_credential_is_any_one_of_the_schemes_or_a_signature() -> None:
    names = DOCUMENT["components"]["securitySchemes"]

    assert DOCUMENT["security"] == [*({name: []} for name in names), {}]
    assert {name for name, operation in operations().items() if operation.get("security") == []} == {
        "get /healthz",
        "get /openapi.json",
    }


def test_every_example_is_valid() -> None:
    shown = 0
    for node in nodes(DOCUMENT):
        schema = node.get("schema", node)
        values = [node["example"]] if "example" in node else []
        if isinstance(node.get("examples"), dict):
            values += [example["value"] for example in node["examples"].values()]
        elif isinstance(node.get("examples"), list):
            values += node["examples"]
        for value in values:
            assert list(validator(schema).iter_errors(value)) == []
        shown += len(values)

    assert shown > 50


def test_another_action_changes_the_words_alone() -> None:
    other = document(Action(name="UnmuteCall", version="2020-07-01", parameters=CallParameters, status="unmuted"))

    validate_openapi(other)
    assert other["paths"]["/"]["post"]["operationId"] == "unmuteCallAsDefault"
    assert other["components"]["schemas"]["SlimStatus"]["properties"]["status"]["enum"] == ["unmuted"]
    assert "MuteCall" not in json.dumps(other)


# Against the function


@pytest.mark.parametrize("path", ["/openapi.json", "/2020/openapi.json/"])
@pytest.mark.parametrize("callers", [f"[callers.secretive]{BEARER}", "[callers"])
def test_the_function_answers_the_document_to_anybody_whoever_its_callers_are(
    world: World, lines: Lines, path: str, callers: str
) -> None:
    world.write_callers(callers)
    reply = world.http(method="GET", path=path, token=None, body="")

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.body == DOCUMENT
    assert lines() == []


def test_the_files_that_are_shipped_are_what_is_generated() -> None:
    assert write_documents(["--check"]) == 0, "python -m local.openapi"


@pytest.mark.parametrize("path", ["/", "/flow"])
def test_a_success_is_as_shown(world: World, path: str) -> None:
    reply = world.http(path=path)

    check(reply)
    example = "flat" if path == "/flow" else "accepted"
    content = DOCUMENT["components"]["responses"]["Answer200"]["content"]["application/json"]
    assert reply.body == content["examples"][example]["value"]


def test_the_request_shown_is_the_documented_one(world: World) -> None:
    for kind, content in CALLS["post /"]["requestBody"]["content"].items():
        assert content["examples"]["documented"]["value"] == dict(PAYLOAD), kind
    query = {
        parameter["name"]: parameter["example"]
        for parameter in CALLS["get /"]["parameters"]
        if parameter["in"] == "query"
    }
    assert world.http(method="GET", path="/reader", body="", query=query).status == 200


def test_an_idempotency_key_is_offered_and_its_replay_described() -> None:
    for label in ("post /", "get /", "post /{caller}", "get /{caller}"):
        headers = [item["name"] for item in CALLS[label]["parameters"] if item["in"] == "header"]
        assert headers == ["Idempotency-Key"], label
    shown = {
        name
        for name, answer in DOCUMENT["components"]["responses"].items()
        if "Idempotency-Replayed" in answer.get("headers", {})
    }
    assert shown == {"Answer200", "Problem404", "Problem422"}


# What brings about the problems that are not CCC's.
REQUESTS: dict[str, dict[str, Any]] = {
    "malformed_request": {"body": "{"},
    "unauthorized": {"token": None},
    "forbidden": {"payload": {**PAYLOAD, "InstanceId": "other"}},
    "method_not_allowed": {"method": "GET"},
    "payload_too_large": {"body": " " * 262_145},
    "unsupported_media_type": {"headers": {"Content-Type": "text/plain"}},
    "invalid_parameters": {"payload": {"JobId": True}},
}


@pytest.mark.parametrize("kind", list(problem_types()), ids=lambda kind: kind.code)
def test_a_problem_is_as_described(world: World, kind: type[Problem]) -> None:
    if kind.code not in REQUESTS:
        world.call.outcome = kind("reason")
        if isinstance(world.call.outcome, UpstreamProblem):
            world.call.outcome.upstream = Upstream(None, "A-1")

    reply = world.http(**REQUESTS.get(kind.code, {}))
    flat = world.http(**{"path": "/flow", **REQUESTS.get(kind.code, {})})

    assert reply.code == kind.code
    check(reply)
    check(flat)


@pytest.mark.parametrize(
    ("auth", "request_"),
    [
        ("slack", {"payload": {"type": "url_verification", "challenge": "3eZbrw1a"}}),
        ("github", {"headers": {"X-GitHub-Event": "ping"}}),
    ],
)
def test_a_handshake_is_as_described(
    world: World, monkeypatch: pytest.MonkeyPatch, auth: str, request_: dict[str, Any]
) -> None:
    world.write_callers(
        f'[callers.default]\nauth = {{ scheme = "{auth}", secrets = ["env:MUTE_CALL_TOKEN"] }}\n{INSTANCES}'
    )
    monkeypatch.setattr(SCHEMES[auth], "verify", lambda *_: Proof())

    reply = world.http(**request_)

    assert set(reply.body) < set(SCHEMAS["Handshake"]["properties"])
    check(reply)


@pytest.mark.parametrize(("callers", "status"), [(f"[callers.default]{BEARER}", 200), ("[callers", 503)])
def test_the_health_check_is_as_described(world: World, callers: str, status: int) -> None:
    world.write_callers(callers)

    reply = world.http(method="GET", path="/healthz", token=None)

    (content,) = DOCUMENT["paths"]["/healthz"]["get"]["responses"][str(status)]["content"].values()
    assert reply.status == status
    assert list(validator(content["schema"]).iter_errors(reply.body)) == []
    (example,) = (example["value"] for example in content["examples"].values())
    # The example is a package's answer.
    assert {**example, "build": None} == reply.body


# Latin-1, as far as the patterns go, without what Python alone takes for white space; and every number but an integer
# written as 1.0, which JSON Schema cannot tell from 1.
LATIN_1 = st.characters(max_codepoint=255, exclude_characters="\x1c\x1d\x1e\x1f")
TEXTS = st.text(LATIN_1, max_size=8) | st.text("a@ \t\x00\xa0\xad", max_size=8)
VALUES = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(), st.floats().filter(lambda number: not number.is_integer())
)


@pytest.mark.parametrize("name", PARAMETERS["properties"])
@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@given(value=VALUES)
def test_a_parameter_is_accepted_if_and_only_if_its_schema_accepts_it(name: str, value: object) -> None:
    payload = {**PAYLOAD, name: value}
    try:
        accepted = bool(read_parameters(CallParameters, payload))
    except InvalidParameters:
        accepted = False
    in_range = not isinstance(value, int) or -(2**63) <= value < 2**63

    assert validator(PARAMETERS).is_valid(payload) == (accepted and in_range)
    if isinstance(value, str):
        assert validator(SCHEMAS["CallParametersForm"]).is_valid(payload) == accepted


@pytest.mark.parametrize("payload", [{}, {**PAYLOAD, "Other": "x"}, {**PAYLOAD, "JobId": "x" * 257}])
def test_what_the_function_refuses_the_schema_refuses(world: World, payload: dict[str, Any]) -> None:
    assert world.http(payload).code == "invalid_parameters"
    assert not validator(PARAMETERS).is_valid(payload)
