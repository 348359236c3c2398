"""The quotas of a request, checked before the function sees it (documented, 2026-02)."""

from local.gateway.message import Request, invalid_argument

KIB = 1024
HEADERS = 8 * KIB
TARGET = 4 * KIB
BODY = 32 * KIB * KIB
ASYNC_BODY = 128 * KIB


def is_async(request: Request) -> bool:
    """Say whether the caller asks for an asynchronous invocation, which any caller may (documented)."""
    return request.header("x-fc-invocation-type").lower() == "async"


def check_limits(request: Request) -> None:
    """Check headers (names and values), path with query, and body.

    Raises:
        RejectionError: 400 ``InvalidArgument``, naming the limit.
    """
    body_limit = ASYNC_BODY if is_async(request) else BODY
    for what, size, limit in (
        ("headers", sum(len(name) + len(value) for name, value in request.headers), HEADERS),
        ("path and query", len(request.target), TARGET),
        ("body", len(request.body), body_limit),
    ):
        if size > limit:
            raise invalid_argument(f"{what} exceed {limit} bytes")
