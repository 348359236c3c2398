"""Whether a request to a server on this machine comes from a local program, or from a foreign page (pure).

A browser sends the requests of any page: through a name that points to this machine (DNS rebinding), or without letting
the page read the answer. Local programs use the machine's own name, and send no origin.
"""

from __future__ import annotations

import re

_HERE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)


def is_foreign(host: str, origin: str) -> bool:
    """Whether a request is one for a page of elsewhere.

    Args:
        host: its `Host`, empty where it has none: every browser sends one.
        origin: its `Origin`, empty where it has none: every browser sends one with what changes something.
    """
    if host and not _HERE.fullmatch(host):
        return True
    return origin.lower() not in ("", f"http://{host.lower()}")
