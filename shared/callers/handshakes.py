"""Requests by which a sender checks the URL before its first webhook, from the callers file or a vendor's row.

They never reach CCC. A request that passes such a check only gets the answer that is declared here.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.callers.schemes import Auth, Scheme
from shared.callers.schemes.places import HEADER_NAME
from shared.callers.schemes.vendors import NO_VENDOR, VENDORS
from shared.payload.mapping import KEYED, HandshakeExpression, calls, evaluate
from shared.problems import FieldError, InvalidParameters
from shared.runtime.event import Request, Response
from shared.validation import Table, once_each

# Headers of the server or the function, and headers with an effect beyond this answer.
_RESERVED = frozenset(
    {
        "cache-control",
        "connection",
        "content-disposition",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "keep-alive",
        "location",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-content-type-options",
    }
)
_RESERVED_PREFIX = "x-fc-"
_NO_CONTENT = 204

Method = Literal["GET", "POST", "OPTIONS"]
Secrets = Callable[[Scheme], tuple[str, ...]]
Document = Mapping[str, Any]


def _header_name(name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise PydanticCustomError("header", "Header should have only letters, digits and -")
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIX):
        raise PydanticCustomError("header", "A handshake cannot set this header: remove it")
    return name


def _once_in_any_case(headers: dict[str, Any]) -> dict[str, Any]:
    names: dict[str, str] = {}
    for name in headers:
        if (other := names.setdefault(name.lower(), name)) != name:
            raise PydanticCustomError(
                "header", "{one} and {other} are the same header: remove one", {"one": other, "other": name}
            )
    return headers


class Handshake(Table):
    """One kind of request, and its answer."""

    when: HandshakeExpression
    methods: Annotated[list[Method], Field(min_length=1), AfterValidator(once_each)] = Field(["POST"])
    auth: Auth | None = None
    reply: dict[str, HandshakeExpression] = Field({})
    text: HandshakeExpression | None = None
    headers: Annotated[
        dict[Annotated[str, AfterValidator(_header_name)], HandshakeExpression], AfterValidator(_once_in_any_case)
    ] = Field({})
    status: Annotated[int, Field(ge=200, le=204)] = 200

    @model_validator(mode="after")
    def _is_consistent(self) -> "Handshake":
        for fault in self._faults():
            raise PydanticCustomError("handshake", "{fault}", {"fault": fault})
        return self

    def _faults(self) -> Iterator[str]:
        if self.text is not None and self.reply:
            yield "text and reply exclude each other: remove one"
        if self.status == _NO_CONTENT and (self.text is not None or self.reply):
            yield "status = 204 has no body: remove text and reply, or set another status"
        if self.auth is not None and not self.auth.over_http:
            yield f"auth: a handshake comes over HTTP, where {self.auth.scheme} does not work: use another scheme"
        if self.auth is not None and self.is_keyed:
            # Otherwise it would sign for anyone who passes the check of this handshake.
            yield f"{KEYED} uses the secret of the caller's own auth: remove {KEYED}, or the auth of this handshake"

    @property
    def is_keyed(self) -> bool:
        """Whether an expression calls the function that is keyed with the secret."""
        expressions = (self.when, self.text, *self.reply.values(), *self.headers.values())
        return any(calls(each, KEYED) for each in expressions if each is not None)

    def takes(self, request: Request, document: Document, secret: str | None) -> bool:
        """Whether a request is this handshake; raises `InvalidParameters` if the expression fails."""
        seen = {**document, "method": request.method}
        return request.method in self.methods and _is_true(evaluate({"when": self.when}, seen, secret)["when"])

    def answer(self, request: Request, document: Document, secret: str | None) -> Response:
        """Return the answer.

        Args:
            request: the request.
            document: the decoded request.
            secret: the one that proved it, the key of `hmac_sha256`.

        Raises:
            InvalidParameters: an expression fails, or text or a header finds no text.
        """
        seen = {**document, "method": request.method}
        found = evaluate(self.headers, seen, secret)
        headers = {name: _line(name, value) for name, value in found.items()}
        if self.status == _NO_CONTENT:
            return Response(self.status, "", headers)
        if self.text is None:
            return Response(self.status, _json(evaluate(self.reply, seen, secret)), headers)
        text = evaluate({"text": self.text}, seen, secret)["text"]
        if not isinstance(text, str) or not text:
            raise InvalidParameters((FieldError("text", "finds no text"),))
        return Response(self.status, text, {"X-Content-Type-Options": "nosniff", **headers}, "text/plain")


@lru_cache
def of_vendor(scheme: str) -> tuple[Handshake, ...]:
    """Return the handshakes of a vendor's row, none for any other scheme."""
    return tuple(Handshake.model_validate(dict(table)) for table in VENDORS.get(scheme, NO_VENDOR).handshakes)


def _is_true(value: object) -> bool:
    """Whether JMESPath takes a value for true: a number always is."""
    return value not in (None, False, "", [], {}) or (value == 0 and value is not False)


def _json(reply: Document) -> str:
    """Return a reply as JSON text; an expression may find a value that JSON cannot write."""
    try:
        return json.dumps(reply, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise InvalidParameters((FieldError("reply", "finds no JSON value"),)) from None


def _line(name: str, value: object) -> str:
    if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
        raise InvalidParameters((FieldError(name, "finds no line of printable ASCII"),))
    return value
