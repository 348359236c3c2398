"""JSON Schemas of input and output, generated from the models and types of the function."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.action import Action
from shared.problems import problem_types
from shared.responses.render import ProblemBody
from shared.responses.status import SlimStatus

_REF = "#/components/schemas/{model}"
_TEXT_RULES = ("description", "examples", "minLength", "maxLength", "pattern", "enum")


class _Generator(GenerateJsonSchema):
    """Writes what importers read best: `null` as a type beside another, and no titles that repeat a name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """No field has one."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return a schema with two types."""
        inner = self.generate_inner(schema["schema"])
        return {**inner, "type": [inner["type"], "null"]}


def schemas(action: Action) -> dict[str, Any]:
    """Return the schemas of the document's components, by name."""
    types: tuple[Any, ...] = (action.parameters, SlimStatus, ProblemBody)
    _, generated = TypeAdapter.json_schemas(
        [(kind, "serialization", TypeAdapter(kind)) for kind in types], ref_template=_REF, schema_generator=_Generator
    )
    found: dict[str, Any] = generated["$defs"]
    name = action.parameters.__name__
    parameters, status, problem = found[name], found["SlimStatus"], found["ProblemBody"]
    parameters["additionalProperties"] = False
    for schema in parameters["properties"].values():
        # The default is to be absent.
        schema.pop("default", None)
    status["properties"]["status"] |= {"enum": [action.status], "examples": [action.status]}
    problem["properties"]["code"]["enum"] = [kind.code for kind in problem_types()]
    fields = {field: text_schema(schema) for field, schema in parameters["properties"].items()}
    form = {**parameters, "title": f"{name}Form", "properties": fields}
    return found | {f"{name}Form": form, "FlatAnswer": _flat_answer(status, problem)} | _OTHERS


def refer(name: str) -> dict[str, str]:
    """Return a reference to a schema of the components."""
    return {"$ref": _REF.format(model=name)}


def text_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value where every value is text: in a form, in a query, in a flat answer."""
    rules = {key: schema[key] for key in _TEXT_RULES if key in schema}
    if "boolean" in schema["type"]:
        rules |= {"enum": ["true", "false"] + [""] * ("null" in schema["type"]), "examples": ["true"]}
    return {"type": "string"} | rules


def _flat_answer(status: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the answer that is always 200: success and failure in one object."""
    fields = status["properties"] | {name: problem["properties"][name] for name in ("code", "retryable")}
    texts = {name: text_schema(schema) for name, schema in fields.items()}
    texts["status"] |= {
        "enum": [*texts["status"]["enum"], "error"],
        "description": "CCC accepted the action, or `error`.",
    }
    texts["request_id"] |= {"description": "CCC's request id; the platform's if `status` is `error`."}
    return {
        "title": "FlatAnswer",
        "type": "object",
        "description": (
            "The answer to a caller that always gets 200, once it has proved itself: strings alone, `null` as the empty"
            " one. If `status` is `error`, the other fields are `code`, `retryable` and `request_id`."
        ),
        "properties": texts,
        "required": ["status", "request_id"],
    }


# What has no model, since nothing but its route knows it.
_OTHERS: dict[str, Any] = {
    "Handshake": {
        "title": "Handshake",
        "type": "object",
        "description": (
            "The answer to what some senders send before their first webhook, to check the address: Slack's"
            " `url_verification`, GitHub's `ping`."
        ),
        "properties": {
            "challenge": {
                "type": "string",
                "description": "The value that the sender asked for.",
                "examples": ["3eZbrw1a"],
            },
            "status": {
                "type": "string",
                "enum": ["ok"],
                "description": "The address is right.",
                "examples": ["ok"],
            },
        },
        "minProperties": 1,
        "additionalProperties": False,
    },
    "Health": {
        "title": "Health",
        "type": "object",
        "description": "Whether the function can serve anybody.",
        "properties": {
            "status": {
                "type": "string",
                "enum": ["ok", "unavailable"],
                "description": "`unavailable` while its configuration stops every caller.",
                "examples": ["ok"],
            },
            "version": {"type": "string", "description": "The version of the function.", "examples": ["1.0.0"]},
            "build": {
                "type": ["string", "null"],
                "pattern": "^[0-9a-f]{12}$",
                "description": "The package that answers, derived from its content; null if no package was built.",
                "examples": ["0123456789ab"],
            },
        },
        "required": ["status", "version", "build"],
    },
}
