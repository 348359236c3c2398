"""One request as a sender makes it, and the answer that it gets.

Where `{{name}}` stands, there goes a variable's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Credential(Enum):
    """How the sender proves itself."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105 - a way, no token
    SIGNATURE = "signature"


class Parameter(NamedTuple):
    """A parameter of the query, or a header."""

    name: str
    value: str
    description: str
    required: bool


class Body(NamedTuple):
    """What is posted: an object, and the media type that it is written in."""

    content_type: str
    fields: Mapping[str, Any]


class Condition(NamedTuple):
    """That a variable has a value, or, `unless`, that it has another."""

    variable: str
    value: str
    unless: bool = False

    def holds(self, values: Mapping[str, str]) -> bool:
        """Whether it does, for values by the names of their variables."""
        return (values[self.variable] == self.value) is not self.unless


@dataclass(frozen=True)
class Expected:
    """The answer.

    Attributes:
        status: of HTTP.
        content_type: without parameters.
        headers: those that it always has.
        schema: of the body, without references.
        fields: what the body says, where that does not depend on the call.
        example: a body; None where the document has none.
    """

    status: int
    content_type: str
    headers: tuple[str, ...]
    schema: Mapping[str, Any]
    fields: Mapping[str, Any]
    example: Mapping[str, Any] | None


@dataclass(frozen=True)
class Exchange:
    """A request and its answer.

    Attributes:
        folder: what it is told under.
        name: unique.
        description: in Markdown.
        method: of HTTP.
        path: below the function's URL.
        expected: the answer.
        query: its parameters.
        headers: beside content type and credential.
        body: None for a request without.
        credential: what proves who sends.
        conditions: without all of them the answer is another one.
    """

    folder: str
    name: str
    description: str
    method: str
    path: str
    expected: Expected
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    body: Body | None = None
    credential: Credential = Credential.TOKEN
    conditions: tuple[Condition, ...] = ()
