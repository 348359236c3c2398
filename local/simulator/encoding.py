"""The percent-encoding and the sorted query that both signature versions are computed over."""

from collections.abc import Iterable
from urllib.parse import quote


def percent_encode(text: str) -> str:
    """Encode by RFC 3986: everything but letters, digits, `-`, `_`, `.` and `~`."""
    return quote(text, safe="~")


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the decoded pairs encoded anew and sorted by key, `k=v` joined by `&`; empty values keep their `=`."""
    encoded = sorted((percent_encode(key), percent_encode(value)) for key, value in pairs)
    return "&".join(f"{key}={value}" for key, value in encoded)
