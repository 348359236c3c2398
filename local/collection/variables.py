"""The variables of the requests: where to, as whom, and for which call; their values are the document's examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from local.demo import SENDERS
from local.stack import DEMO_TOKEN

CALLER = "caller"
TOKEN = "token"  # noqa: S105 - a name
SIGNER = "crm"
SIGNER_SECRET = "crmSecret"  # noqa: S105 - a name
MAY_GET = "mayGet"
YES, NO = "true", "false"


class Variable(NamedTuple):
    """A variable, with its value on a developer's machine; a secret has none elsewhere."""

    name: str
    value: str
    description: str
    secret: bool = False


def variables_of(document: Mapping[str, Any]) -> list[Variable]:
    """Return all variables.

    Args:
        document: OpenAPI, as `local.openapi` makes it.
    """
    (caller,) = (item for item in document["paths"]["/{caller}"]["parameters"] if item["name"] == CALLER)
    (signing,) = (sender.secret for sender in SENDERS if sender.caller == SIGNER)
    return [
        Variable("baseUrl", "http://127.0.0.1:9000", "The function's URL, without a slash at the end."),
        Variable(CALLER, caller["example"], "The caller, one that takes the parameters as they are."),
        Variable(TOKEN, DEMO_TOKEN, "The caller's token.", secret=True),
        Variable(MAY_GET, NO, f"`{YES}` if the caller's `methods` has GET: what a query gets depends on it."),
        Variable(
            SIGNER_SECRET, signing, f"The secret of the caller `{SIGNER}`; empty: nothing is signed.", secret=True
        ),
        *(
            Variable(_camel(name), str(schema["examples"][0]), schema["description"])
            for name, schema in _required(document).items()
        ),
    ]


def with_variables(value: Any, document: Mapping[str, Any]) -> Any:
    """Return a payload with variables in the place of the parameters' examples.

    Args:
        value: of JSON.
        document: OpenAPI; the examples are its own.
    """
    if isinstance(value, dict):
        return {name: with_variables(item, document) for name, item in value.items()}
    names = {schema["examples"][0]: reference(_camel(name)) for name, schema in _required(document).items()}
    return names.get(value, value) if isinstance(value, str) else value


def reference(name: str) -> str:
    """Return what stands for the value of a variable."""
    return f"{{{{{name}}}}}"


def _required(document: Mapping[str, Any]) -> dict[str, Any]:
    model = document["components"]["schemas"]["CallParameters"]
    return {name: model["properties"][name] for name in model["required"]}


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]
