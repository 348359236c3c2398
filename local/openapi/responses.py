"""The answers: one per status, with its codes and with examples made by the function's own code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from local.openapi.schemas import refer
from shared import __version__
from shared.clients.ccc import CODES
from shared.outcome import Success
from shared.problems import (
    FieldError,
    InvalidParameters,
    JobNotFound,
    MethodNotAllowed,
    Problem,
    Upstream,
    UpstreamProblem,
    problem_types,
)
from shared.responses import render

_REQUEST_ID = "1-64f6cd87-0f0e0d0c0b0a0908"
_BUILD = "0123456789ab"
_UPSTREAM_REQUEST_ID = "A275B008-A25B-494D-AB53-93CE253815B6"
_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Allow": ("The methods that this caller may use, or that the function has.", {"type": "string"}),
    "Idempotency-Replayed": (
        "This is the answer to an earlier request with the same idempotency key.",
        {"type": "string", "enum": ["true"]},
    ),
    "Retry-After": ("Seconds to wait before sending again.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("A constant; it does not show the scheme of the caller.", {"type": "string"}),
}


def call_responses(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the responses of a call, by names that end in their status.

    Args:
        definitions: the schemas, by name; those of the success have an example per property.
    """
    kinds = sorted(problem_types(), key=lambda kind: kind.status)
    return {"Answer200": _answer(definitions["SlimStatus"])} | {
        f"Problem{status}": _problem(list(group)) for status, group in groupby(kinds, key=lambda kind: kind.status)
    }


def health_responses() -> dict[str, Any]:
    """Return the responses of the health check."""
    return {
        status: {
            "description": description,
            "content": {
                "application/json": {
                    "schema": refer("Health"),
                    "examples": _examples(
                        {word: (description, {"status": word, "version": __version__, "build": _BUILD})}
                    ),
                }
            },
        }
        for status, word, description in (
            ("200", "ok", "At least one caller can be served."),
            ("503", "unavailable", "The configuration stops every caller; the log says why."),
        )
    }


def _answer(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response with status 200: what was accepted, and whatever a caller gets that always gets 200."""
    success = Success("example", {name: schema["examples"][0] for name, schema in model["properties"].items()})
    answers = {
        "accepted": ("CCC accepted the action", render.with_status_codes(success, _REQUEST_ID)),
        "flat": ("The same for a caller that always gets 200", render.always_200(success, _REQUEST_ID)),
        "flat_failure": ("A failure for such a caller", render.always_200(_sample(JobNotFound), _REQUEST_ID)),
    }
    schema = {"anyOf": [refer(name) for name in (model["title"], "FlatAnswer", "Handshake")]}
    return {
        "description": "CCC accepted the action. For a caller that always gets 200: any answer, see `FlatAnswer`.",
        "headers": {name: _header(name, required=False) for name in (render.RETRY_AFTER, render.REPLAYED)},
        "content": {
            "application/json": {
                "schema": schema,
                "examples": _examples({name: (summary, answer.body) for name, (summary, answer) in answers.items()}),
            }
        },
    }


def _problem(kinds: list[type[Problem]]) -> dict[str, Any]:
    """Return the response for one status, which all these problems have."""
    answers = {kind.code: render.with_status_codes(_sample(kind), _REQUEST_ID) for kind in kinds}
    headers = [set(answer.headers) for answer in answers.values()]
    codes = {"type": "string", "enum": list(answers), "description": "What happened: one of the codes of this status."}
    status = {"type": "integer", "enum": [kinds[0].status], "description": "The HTTP status."}
    ours = {"type": "object", "properties": {"code": codes, "status": status}}
    (content_type,) = {answer.content_type for answer in answers.values()}
    shown = {
        name: _header(name, required=all(name in some for some in headers)) for name in sorted(set.union(*headers))
    }
    if any(kind.is_final for kind in kinds):
        shown[render.REPLAYED] = _header(render.REPLAYED, required=False)
    lines = [f"* `{kind.code}`{', retryable' * kind.retryable}: {kind.title}. {kind.detail}" for kind in kinds]
    return {
        "description": "\n".join(lines),
        **({"headers": shown} if shown else {}),
        "content": {
            content_type: {
                "schema": {"allOf": [refer("ProblemBody"), ours]},
                "examples": _examples({kind.code: (kind.title, answers[kind.code].body) for kind in kinds}),
            }
        },
    }


def _sample(kind: type[Problem]) -> Problem:
    """Return a problem as the function raises it."""
    if issubclass(kind, MethodNotAllowed):
        return kind(("POST",))
    if issubclass(kind, InvalidParameters):
        return kind((FieldError("job_id", "required"),))
    if issubclass(kind, UpstreamProblem):
        code = _upstream_code(kind)
        return kind("example", upstream=Upstream(code, _UPSTREAM_REQUEST_ID) if code else None)
    return kind("example")


def _upstream_code(kind: type[Problem]) -> str | None:
    """Return a code of CCC that stands for this problem, if one does literally."""
    parts = (part for pattern, problem in CODES if problem is kind for part in pattern.split("|"))
    return next((code for part in parts if re.fullmatch(r"[A-Za-z.]+", code := part.replace("\\.", "."))), None)


def _header(name: str, *, required: bool) -> dict[str, Any]:
    description, schema = _HEADERS[name]
    return {"description": description, "required": required, "schema": schema}


def _examples(examples: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}
