"""The URL that a sender signed, as far as the platform lets it be known."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote, quote_plus, unquote

from pydantic import StringConstraints

from shared.envelope import Request
from shared.problems import Unauthorized

PublicUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/?#\s]+[^?#\s]*$")]


def signed_urls(request: Request, public_url: str | None) -> list[str]:
    """Return the URLs that the sender may have signed, the likeliest first.

    The event has the path as it was sent, but no query, only its parameters; whether their values are decoded is not
    documented. The query is rebuilt in the event's order, in the three spellings that senders use.

    Args:
        request: the request.
        public_url: the URL without its query; `None` stands for `https://<Host><path>`.

    Raises:
        Unauthorized: neither a public URL nor a host.
    """
    host = request.headers.get("host")
    if public_url is None and not host:
        raise Unauthorized("no host to build the signed URL from")
    base = public_url or f"https://{host}{request.raw_path}"
    if not request.query:
        return [base]
    decoded = [(unquote(name), unquote(value)) for name, value in request.query.items()]
    queries = [
        _joined(quote, decoded),
        _joined(quote_plus, decoded),
        "&".join(f"{name}={value}" for name, value in request.query.items()),
    ]
    return [f"{base}?{query}" for query in dict.fromkeys(queries)]


def with_default_port(url: str) -> str:
    """Return an https URL with its port spelled out, as some senders sign it; any other URL as it is."""
    # No parser: the host is the request's own word, and may be anything.
    match = re.fullmatch(r"https://([^/?#]*)(.*)", url, re.DOTALL)
    if match is None or re.search(r":[0-9]+$", match[1]):
        return url
    return f"https://{match[1]}:443{match[2]}"


def _joined(escape: Callable[..., str], parameters: list[tuple[str, str]]) -> str:
    # Lone surrogates, which no sender has signed, must not raise here: they are refused as a wrong signature.
    escaped = ([escape(text, safe="", errors="surrogatepass") for text in parameter] for parameter in parameters)
    return "&".join(f"{name}={value}" for name, value in escaped)
