"""A function as a WSGI application (PEP 3333): how a custom runtime serves it, several requests at a time.

The platform passes each HTTP request on as it came, with headers of its own for context and credentials. It first sends
`POST /initialize` to a new instance. What else it may send is a request like any other: a direct invocation arrives as
`POST /invoke`, which a client of the HTTP trigger can send as well, and so counts as an unknown caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from shared.context import PLATFORM_PREFIX, context_of
from shared.envelope import MAX_BODY_BYTES, Request, body_of, headers_of, http_request
from shared.function import Function

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_INITIALIZE = "/initialize"
# The two headers that WSGI keeps apart from the others.
_UNPREFIXED = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


def application(function: Function) -> Application:
    """Return the application that serves a function."""

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = _headers_of(environ)
        context = context_of(headers)
        request = _request_of(environ, headers)
        if (request.method, request.raw_path) == ("POST", _INITIALIZE):
            function.initialize(context)
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return ()
        response = function.respond(request, context)
        body = body_of(response).encode()
        own = {**headers_of(response), "Content-Length": str(len(body))}
        start_response(f"{response.status} {HTTPStatus(response.status).phrase}", list(own.items()))
        return () if request.method == "HEAD" else (body,)

    return serve


def _request_of(environ: Environ, headers: Mapping[str, str]) -> Request:
    content, is_whole = _content_of(environ)
    target = _utf8(environ["RAW_URI"])
    return http_request(
        environ["REQUEST_METHOD"],
        target.partition("?")[0],
        # The platform's hold the role's credentials: no expression of a caller may find them.
        headers={name: value for name, value in headers.items() if not name.startswith(PLATFORM_PREFIX)},
        query=_query_of(target.partition("?")[2]),
        content=content,
        is_whole=is_whole,
        # The peer is the platform's proxy, and what a forwarding header says, anybody can write: `networks` lets
        # nobody in here.
        source_ip="",
    )


def _content_of(environ: Environ) -> tuple[bytes, bool]:
    """Return the body and whether all of it has come: what is missing of a form may be the channel."""
    # One byte more than is allowed shows that there are too many.
    most = MAX_BODY_BYTES + 1
    try:
        content: bytes = environ["wsgi.input"].read(most)
    except OSError:
        return b"", False
    announced = environ.get("CONTENT_LENGTH") or "0"
    return content, not announced.isdecimal() or len(content) >= min(int(announced), most)


def _headers_of(environ: Environ) -> dict[str, str]:
    """Return the headers by lower-case name; the server has joined repeated ones with a comma."""
    headers = {}
    for key, value in environ.items():
        name = key[len("HTTP_") :].replace("_", "-").lower() if key.startswith("HTTP_") else _UNPREFIXED.get(key)
        if name:
            headers[name] = _utf8(value)
    return headers


def _query_of(text: str) -> dict[str, str]:
    """Return the query as the HTTP trigger's event has it: decoded, repeated names joined with a comma."""
    query: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def _utf8(text: str) -> str:
    """Return the text of a WSGI string, which has one character per byte."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
