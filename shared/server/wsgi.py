"""A function as a WSGI application (PEP 3333), for a custom runtime with several requests at a time.

The platform passes on each HTTP request unchanged, plus its own headers for context and credentials. It first sends
`POST /initialize` to a new instance. A direct invocation arrives as `POST /invoke`. A client of the HTTP trigger can
send that as well, so it counts as an unknown caller.

Any WSGI server works. If the server has them, two extensions are used: the request target as it was sent (`RAW_URI`,
`REQUEST_URI`), and a body that ends without a length (`wsgi.input_terminated`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import quote

from shared.function import Function
from shared.payload.decode import read_query
from shared.problems import MalformedRequest, PayloadTooLarge, Problem
from shared.runtime.context import PLATFORM_PREFIX, context_of
from shared.runtime.event import MAX_BODY_BYTES, Request, body_of, headers_of, http_request

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_INITIALIZE = "/initialize"
# The two headers that WSGI keeps apart from the others; a server may have them among the others as well.
_UNPREFIXED = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}
# Our server's for a `_` in a header's name, which no name may have; any other server drops such headers.
UNDERSCORE = ":"
# The absolute form of a request target, which every server has to accept (RFC 9112 §3.2.2), up to its path.
_ORIGIN = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
# No digits but these, and no more than `int` takes.
_LENGTH = re.compile(r"[0-9]{1,4300}")
# What a path may have unescaped (RFC 3986 §3.3), beside letters and digits.
_PATH_SAFE = "/:@!$&'()*+,;=-._~"


def application(function: Function, places: AbstractContextManager[object] | None = None) -> Application:
    """Return the application that serves a function.

    Args:
        function: answers the requests.
        places: held while a request runs, but not while its body is read; a semaphore bounds how many run at a time.
    """
    places = places or nullcontext()
    # Never released.
    initializing = threading.Lock()

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = _headers_of(environ)
        context = context_of({})
        try:
            context = context_of(headers)
            request = _request_of(environ, headers)
        except Problem as problem:
            request = Request(fault=problem)
        if (request.method, request.raw_path) == ("POST", _INITIALIZE):
            # The platform asks once, before all others; what comes later is a stranger's, and is to cost nothing.
            if initializing.acquire(blocking=False):
                function.initialize(context)
            start_response(status_line(200), [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return ()
        with places:
            response = function.respond(request, context)
        body = body_of(response).encode()
        own = {**headers_of(response), "Content-Length": str(len(body))}
        start_response(status_line(response.status), list(own.items()))
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    return serve


def status_line(status: int) -> str:
    """Return a status with a phrase. Nobody reads it, and Python's own differ from version to version."""
    return f"{status} {'OK' if status < 400 else 'Problem'}"  # noqa: PLR2004 - the first that is none


def _request_of(environ: Environ, headers: Mapping[str, str]) -> Request:
    """Return the request; raises `MalformedRequest` for a target that none may have."""
    raw_path, raw_query = _target_of(environ)
    body, fault = b"", None
    try:
        body = _body_of(environ)
    except Problem as problem:
        fault = problem
    return http_request(
        environ["REQUEST_METHOD"],
        raw_path,
        # The platform's headers contain the role's credentials: no expression may find them.
        headers={name: value for name, value in headers.items() if not name.startswith(PLATFORM_PREFIX)},
        query=_query_of(raw_query),
        raw_query=raw_query,
        body=body,
        fault=fault,
        # The peer is the platform's proxy, and what a forwarding header says, anybody can write: `networks` lets
        # nobody in here.
        source_ip="",
    )


def _target_of(environ: Environ) -> tuple[str, str]:
    """Return path and query as sent; the path is rebuilt if the server only has it decoded.

    Raises:
        MalformedRequest: bytes that no request target may have.
    """
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if not target:
        path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
        target = f"{quote(path, _PATH_SAFE, 'latin-1')}?{environ.get('QUERY_STRING', '')}"
    if not target.isascii():
        raise MalformedRequest("request target is not ASCII")
    path, _, query = _ORIGIN.sub("", target).partition("?")
    return path or "/", query


def _body_of(environ: Environ) -> bytes:
    """Return the body.

    Raises:
        MalformedRequest: its length is no number, or not all of it has come: what is missing may be the channel.
        PayloadTooLarge: it is announced to be, or has turned out to be; no more is read than shows that.
    """
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced and not _LENGTH.fullmatch(announced):
        raise MalformedRequest("Content-Length is not a number")
    # Behind the end of a body a server may wait for ever: without a length, only one that ends by itself is read.
    ends = bool(environ.get("wsgi.input_terminated"))
    length = int(announced) if announced else MAX_BODY_BYTES + 1 if ends else 0
    if announced and length > MAX_BODY_BYTES:
        raise PayloadTooLarge("body is too large")
    try:
        body: bytes = environ["wsgi.input"].read(length) if length else b""
    except OSError:
        raise MalformedRequest("body was cut off") from None
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLarge("body is too large")
    is_whole = len(body) == length if announced else ends or "HTTP_TRANSFER_ENCODING" not in environ
    if not is_whole:
        raise MalformedRequest("body was cut off")
    return body


def _headers_of(environ: Environ) -> dict[str, str]:
    """Return the headers by lower-case name; the server has joined repeated ones with a comma."""
    headers = {}
    for key, value in environ.items():
        prefix, _, rest = key.partition("HTTP_")
        name = (
            _UNPREFIXED.get(key)
            if prefix or rest in _UNPREFIXED
            else rest.replace("_", "-").replace(UNDERSCORE, "_").lower()
        )
        if name:
            headers[name] = _utf8(value)
    return headers


def _query_of(text: str) -> dict[str, str]:
    """Return the query as the HTTP trigger's event has it: decoded, repeated names joined with a comma.

    One with too many parameters is not read at all: `decode_query` refuses it.
    """
    try:
        return read_query(text, errors="replace")
    except ValueError:
        return {}


def _utf8(text: str) -> str:
    """Return the text of a WSGI string, which has one character per byte."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
