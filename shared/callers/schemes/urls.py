"""The URL that a sender signed, rebuilt from what the platform passes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated
from urllib.parse import quote

from pydantic import StringConstraints

from shared.payload.decode import BAD_ESCAPE, decode_query
from shared.problems import MalformedRequest, Unauthorized
from shared.runtime.event import Request
from shared.validation import says

PublicUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^/?#\s\x00-\x20\x7f]+[^?#\s\x00-\x20\x7f]*$"),
    says("URL should begin with https://, and have neither a query nor a fragment"),
]

# The server takes no longer request line, and the platform no more than half of it.
_MAX_CHARACTERS = 8190
# Of a query that has to be rebuilt: parameters, and the bytes of their names and values. Ours have a third of that.
_MAX_PARAMETERS, _MAX_BYTES = 50, 1024
# With more than this of path and body together, only one spelling of the query is tried.
_SMALL = 4096
# Anything else could bring its own path or query along.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
# No URL contains these as sent, so they may separate the URL from the rest of the signed text.
_SPACE = re.compile(r"[\s\x00-\x20\x7f]")
# Besides letters, digits and `-._~`, what some senders leave unescaped in a query: as Python's `quote` does,
# JavaScript's `encodeURIComponent`, and RFC 3986.
_LEFT = ("/", "!'()*", "!$'()*,/:;?@")
# Unescaped, these are read as something else.
_ONLY_ESCAPED = re.compile(r"[&=+#\s\x00-\x20\x7f]")


def signed_urls(request: Request, public_url: str | None, body: bytes = b"") -> list[str]:
    """Return the URLs that the sender may have signed, the likeliest first.

    The query as it was sent counts alone where it is at hand. The platform's event has only its parameters: there it is
    rebuilt, in the event's order and in a few usual spellings. All of them are read as the same names and values, and
    these are the ones that the request is taken for: a query that was cut anew has another signature.

    Args:
        request: the request.
        public_url: the URL without its query; `None` stands for `https://<Host><path>`.
        body: what is signed with the URL: each URL costs another hash of it, so that for a large one there is one only.

    Raises:
        Unauthorized: neither a public URL nor a host, or something that no URL has.
    """
    base = base_url(request, public_url)
    queries = [*dict.fromkeys(_spellings(request.query))] if request.raw_query is None else [request.raw_query]
    if len(base) + len(queries[0]) > _MAX_CHARACTERS or any(map(_SPACE.search, (base, *queries))):
        raise Unauthorized("URL is too long, or has a space")
    if len(base) + len(body) > _SMALL:
        del queries[1:]
    return [f"{base}?{query}" if query else base for query in queries]


def base_url(request: Request, public_url: str | None) -> str:
    """Return the signed URL without its query, by the rules of `signed_urls`."""
    return public_url or _own_url(request)


def _own_url(request: Request) -> str:
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host) or "?" in request.raw_path or "#" in request.raw_path:
        raise Unauthorized("no host to build the signed URL from")
    return f"https://{host}{request.raw_path}"


def _spellings(query: Mapping[str, str]) -> Iterator[str]:
    """Yield spellings of a query that `decode_query` reads as it reads the event's."""
    texts = (*query, *query.values())
    if len(query) > _MAX_PARAMETERS or sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) > _MAX_BYTES:
        raise Unauthorized("query is too long")
    try:
        decoded = decode_query(query)
    except MalformedRequest as error:
        raise Unauthorized(error.reason) from None
    escaped = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in decoded.items())
    yield escaped
    yield escaped.replace("%20", "+")
    for left in _LEFT:
        yield _unescaped(escaped, left)
    # Unchanged: the query as sent, if the platform does not decode.
    if not any(_ONLY_ESCAPED.search(name) or "%" in name for name in query) and not any(
        _ONLY_ESCAPED.search(value) or BAD_ESCAPE.search(value) for value in query.values()
    ):
        yield "&".join(f"{name}={value}" for name, value in query.items())


def _unescaped(query: str, characters: str) -> str:
    for character in characters:
        query = query.replace(f"%{ord(character):02X}", character)
    return query


def with_default_port(url: str) -> str:
    """Return an https URL with its port spelled out, as some senders sign it; any other URL as it is."""
    # No parser: the host is the request's own word, and may be anything.
    match = re.fullmatch(r"https://([^/?#]*)(.*)", url, re.DOTALL)
    if match is None or re.search(r":[0-9]+$", match[1]):
        return url
    return f"https://{match[1]}:443{match[2]}"
