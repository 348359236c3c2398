"""Allows only a browser on this machine that shows the console's own page (pure).

Another page can make a browser send requests here, through a name that points to this machine (DNS rebinding) or
without reading the answer. Such requests must neither read nor mute anything.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from local.gateway.message import Request

HTTP_PORT = 80
# A payload of the function, twice as long as it takes one: what is too long can be tried, too.
LONGEST_BODY = 128 * 1024
_READS = ("GET", "HEAD")


class RefusalError(Exception):
    """A request that the console does not answer; `status` is that of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def check(request: Request, gateway: str) -> None:
    """Refuse a request that does not come from the console's own page.

    Args:
        request: for the console.
        gateway: its address, `http://127.0.0.1:PORT`.

    Raises:
        RefusalError: another host, another origin, or a write that a plain form of any page could send as well.
    """
    hosts = _hosts(urlsplit(gateway).port)
    if request.header("host").lower() not in hosts:
        raise RefusalError(421, "the console is at 127.0.0.1 and localhost only")
    origin = request.header("origin").lower()
    if origin and origin not in {f"http://{host}" for host in hosts}:
        raise RefusalError(403, "the request comes from another page")
    if request.method in _READS:
        return
    if request.header("content-type").partition(";")[0].strip().lower() != "application/json":
        raise RefusalError(415, "the body must be application/json")
    if len(request.body) > LONGEST_BODY:
        raise RefusalError(413, f"the body has more than {LONGEST_BODY} bytes")


def _hosts(port: int | None) -> set[str]:
    names = ("127.0.0.1", "localhost")
    return {f"{name}:{port}" for name in names} | ({*names} if port == HTTP_PORT else set())
