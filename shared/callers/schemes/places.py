"""The place of a value in a request: `header.NAME`, `query.NAME`, `body.PATH`, or `part.KEY` of the signature."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus, unquote

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from shared.payload.decode import decode_body, format_of
from shared.problems import MalformedRequest, UnsupportedMediaType
from shared.runtime.event import PayloadFormat, Request

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# The keys of a path, one with other characters in quotes: those of this class, among them the quotes of a text editor.
_KEY = re.compile(r'"([^"\\]+)"|([^.\s"\'\[\]\u2018-\u201f]+)')
# What a name in the query has only in quotes.
_NOT_BARE = re.compile(r'^\s|["\u2018-\u201f]|\s$')
_SENTENCE = "Place should be header.NAME, query.NAME or body.PATH"
_HINTS = {
    "header": "the name of a header has letters, digits and -, without spaces or quotes",
    "query": "straight double quotes around a name come in pairs, and spaces around it stand inside them",
    "body": (
        "its keys are joined by dots, without indices; a key that has a space, a bracket or a quote in it"
        """ stands in straight double quotes: 'body."a b".c'"""
    ),
    "part": "with a separator also part.KEY, the item's key without = and without spaces around it",
}
# What people write for them, too, without a plural's s.
_MEANT = {kind: kind for kind in _HINTS} | {"param": "query", "parameter": "query", "payload": "body"}


@dataclass(frozen=True)
class Place:
    """One place.

    Attributes:
        kind: what of the request.
        name: of the header in lower case, of the parameter, or of the item.
        path: the keys to a value of the body.
    """

    kind: Literal["header", "query", "body", "part"]
    name: str = ""
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the place without quotes, for messages."""
        return f"{self.kind}.{'.'.join(self.path) or self.name}"

    def write(self, request: Request, value: str) -> Request:
        """Return the request with a value at this place, as a sender would write it."""
        if self.kind == "header":
            return request.with_headers({self.name: value})
        if self.kind == "query":
            return request.with_query({self.name: value})
        return replace(request, body=_with_value(request, self.path, value))


class Values:
    """The values at places of one request. The body is decoded once, and only if a place is in it."""

    def __init__(self, request: Request) -> None:
        """Look at nothing yet."""
        self._request = request
        self._body: Any = ...

    def at(self, place: Place) -> str | None:
        """Return the text or number at a place; `None` if there is none. A query's value is decoded."""
        if place.kind == "header":
            return self._request.headers.get(place.name)
        if place.kind == "query":
            value = self._request.query.get(place.name)
            # Whether the platform decodes a query is not documented.
            return value if value is None or self._request.raw_query is not None else unquote(value)
        found = self._at_path(place.path)
        if isinstance(found, bool) or not isinstance(found, (str, int, float)):
            return None
        return str(found)

    def _at_path(self, path: tuple[str, ...]) -> Any:
        if self._body is ...:
            self._body = _decoded(self._request)
        value = self._body
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


def without(payload: Any, path: tuple[str, ...]) -> Any:
    """Return a decoded payload without the value at a path, and without an object that held nothing else."""
    if not path or not isinstance(payload, dict) or path[0] not in payload:
        return payload
    rest = {key: value for key, value in payload.items() if key != path[0]}
    inner = {} if len(path) == 1 else without(payload[path[0]], path[1:])
    return rest if inner == {} else {**rest, path[0]: inner}


def body_without(request: Request, path: tuple[str, ...]) -> bytes:
    """Return a request's body without the value at a path, or unchanged if there is none."""
    payload = _decoded(request)
    rest = without(payload, path)
    return request.body if rest is payload else _encoded(rest, format_of(request.headers, request.payload))


def _decoded(request: Request) -> Any:
    """Return what a body holds as its caller has it decoded; `None` if it cannot be.

    Any other reading would take a credential from where nothing hides it later.
    """
    try:
        return decode_body(request.body, request.headers, request.payload, has_expressions=True)
    except (MalformedRequest, UnsupportedMediaType):
        return None


def _with_value(request: Request, path: tuple[str, ...], value: str) -> bytes:
    # Who names no format is taken to send JSON.
    written: PayloadFormat = "form" if format_of(request.headers, request.payload) == "form" else "json"
    payload = _decoded(replace(request, payload=written))
    payload = payload if isinstance(payload, dict) else {}
    holder = payload
    for key in path[:-1]:
        inner = holder.get(key)
        holder[key] = holder = inner if isinstance(inner, dict) else {}
    holder[path[-1]] = value
    return _encoded(payload, written)


def _encoded(payload: Any, payload_format: PayloadFormat) -> bytes:
    if payload_format == "form":
        pairs = (
            (name, one) for name, found in payload.items() for one in (found if isinstance(found, list) else [found])
        )
        return "&".join(f"{quote_plus(name)}={quote_plus(str(one))}" for name, one in pairs).encode()
    return json.dumps(payload, ensure_ascii=False).encode()


def read_place(text: object) -> Place:
    """Return the place that a text names; raises `PydanticCustomError`, which says what is wrong and never the text."""
    if isinstance(text, Place):
        return text
    if not isinstance(text, str):
        raise PydanticCustomError("place", _SENTENCE)
    kind, dot, rest = text.partition(".")
    name = _unquoted(rest)
    if kind == "header" and HEADER_NAME.fullmatch(rest):
        return Place("header", rest.lower())
    if kind == "query" and rest and (name != rest or not _NOT_BARE.search(rest)):
        return Place("query", name)
    if kind == "part" and rest == rest.strip() and "=" not in rest and rest:
        return Place("part", rest)
    if kind == "body" and dot:
        keys = _KEY.findall(rest)
        path = tuple(quoted or plain for quoted, plain in keys)
        spelled = ".".join(f'"{quoted}"' if quoted else plain for quoted, plain in keys)
        if path and spelled == rest:
            return Place("body", path=path)
    raise PydanticCustomError("place", "{fault}", {"fault": _fault_of(kind, rest)})


def _fault_of(kind: str, rest: str) -> str:
    """Return what is wrong with a place; of its text only what begins it, for the rest may be a secret."""
    meant = _MEANT.get(kind.strip().lower().rstrip("s"))
    if not rest or not meant:
        return _SENTENCE
    if kind != meant:
        return f"Place should begin with {meant}. in this spelling"
    return f"{_SENTENCE}; {_HINTS[meant]}"


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 2 and name[0] == name[-1] == '"' else name  # noqa: PLR2004 - a name in quotes


def _read_whole_place(text: object) -> Place:
    place = read_place(text)
    if place.kind == "part":
        raise PydanticCustomError("place", _SENTENCE)
    return place


ReadPlace = Annotated[Place, PlainValidator(read_place)]
# Of a credential that has no parts.
WholePlace = Annotated[Place, PlainValidator(_read_whole_place)]
