"""Trace context (W3C Trace Context, level 1): the ids of a request in the traces of other systems."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Version, trace id, parent id, flags, in lower case; further fields of a higher version are ignored.
_TRACEPARENT = re.compile(
    r"((?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?", re.DOTALL
)
_FIRST_VERSION = "00-"


def traceparent_of(headers: Mapping[str, str]) -> str | None:
    """Return the four fields of a request's `traceparent`, `None` if there is none or it is not valid.

    No other text of the sender comes through: the log may hold the result.

    Args:
        headers: by lower-case name.
    """
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if found is None or (found[2] and found[1].startswith(_FIRST_VERSION)):
        return None
    return found[1]
