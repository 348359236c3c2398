"""The gateway's request: one HTTP exchange with its request id, and the quotas it has to keep."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timezone

from local import http
from local.gateway.errors import invalid_argument

KIB = 1024
HEADERS = 8 * KIB
TARGET = 4 * KIB
BODY = 32 * KIB * KIB
ASYNC_BODY = 128 * KIB


def new_request_id() -> str:
    """Return an id in the platform's shape: `1-`, 8 hex digits of the time, `-`, 16 hex digits.

    Source: the example of the documented event; the length of the last part is unconfirmed.
    """
    return f"1-{int(datetime.now(timezone.utc).timestamp()):08x}-{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Request(http.Request):
    """An HTTP request with the id that the platform gives it."""

    request_id: str = field(default_factory=new_request_id)

    @property
    def is_async(self) -> bool:
        """Whether the caller asks for an asynchronous invocation, which any caller may (documented)."""
        return self.header("x-fc-invocation-type").lower() == "async"


def check_limits(request: Request) -> None:
    """Check headers (names and values), path with query, and body against the quotas (documented, 2026-02).

    Raises:
        RejectionError: 400 `InvalidArgument`, naming the limit.
    """
    body_limit = ASYNC_BODY if request.is_async else BODY
    for what, size, limit in (
        ("headers", sum(len(name) + len(value) for name, value in request.headers), HEADERS),
        ("path and query", len(request.target), TARGET),
        ("body", len(request.body), body_limit),
    ):
        if size > limit:
            raise invalid_argument(f"{what} exceed {limit} bytes")
