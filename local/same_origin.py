"""Whether a server on this machine is asked by this machine's own programs, or for a page of elsewhere (pure).

A browser sends what any page asks it to: under a name that the page's owner lets point to this machine (DNS
rebinding), or without letting the page read the answer. Programs name the machine as it is, and no origin.
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
