"""The URL that a sender signed, as far as the platform lets it be known."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, quote_plus, unquote, urlsplit

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
        "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in decoded),
        "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in decoded),
        "&".join(f"{name}={value}" for name, value in request.query.items()),
    ]
    return [f"{base}?{query}" for query in dict.fromkeys(queries)]


def with_default_port(url: str) -> str:
    """Return an https URL with its port spelled out, as some senders sign it; any other URL as it is."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.netloc.rpartition(":")[2].isdigit():
        return url
    return parts._replace(netloc=f"{parts.netloc}:443").geturl()
