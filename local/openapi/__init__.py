"""The OpenAPI document of one function: for people, for tools that import it, and for tests that compare it.

Everything in it comes from the code of the function: its action, the models of input and output, the error tree, the
schemes. Nothing comes from the callers file, because that is not public.
"""

from __future__ import annotations

from typing import Any

from local.openapi.operations import CALL, SERVICE, paths
from local.openapi.responses import call_responses
from local.openapi.schemas import schemas
from local.openapi.security import ALTERNATIVES, schemes_in_words, security_schemes
from shared import __version__
from shared.action import Action


def document(action: Action) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the function that offers this action, ready to be serialised as JSON."""
    definitions = schemas(action)
    responses = call_responses(definitions)
    return {
        "openapi": "3.1.1",
        "info": _info(action),
        "externalDocs": {
            "description": f"{action.name} in the API reference of Cloud Call Center.",
            "url": f"https://api.alibabacloud.com/document/CCC/{action.version}/{action.name}",
        },
        "servers": [{"url": "/", "description": "The function that served this document."}],
        "tags": [
            {"name": CALL, "description": f"Calls `{action.name}`; needs the credential of a caller."},
            {"name": SERVICE, "description": "About the function itself; needs no credential and leaves no log line."},
        ],
        "security": list(ALTERNATIVES),
        "paths": paths(action, definitions, responses),
        "components": {"schemas": definitions, "responses": responses, "securitySchemes": security_schemes()},
    }


def _info(action: Action) -> dict[str, Any]:
    return {
        "title": f"{action.name} webhook",
        "version": __version__,
        "summary": f"Calls {action.name} of Alibaba Cloud's Cloud Call Center (CCC) for anyone who can send a webhook.",
        "description": (
            "Each sender is a *caller*: the last segment of the path names it, and the segments before it are ignored."
            " The operator of the function decides how a caller proves itself, which instances it may touch, whether it"
            " may use GET, whether a payload of its own shape is mapped to the parameters, and how it is answered: with"
            " HTTP status codes, or always with 200 and a flat object of strings.\n\n"
            "Branch on `code`, send again only if `retryable` is true, and quote `request_id` to the operator.\n\n"
            f"{schemes_in_words()}"
        ),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }
