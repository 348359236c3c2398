import re
import time
from collections.abc import Callable

import pytest

from local.gateway.errors import RejectionError
from local.gateway.message import Request, check_limits, new_request_id

ASYNC = (("X-Fc-Invocation-Type", "Async"),)
MIB = 1024 * 1024


def test_request_ids_have_the_platform_s_shape_and_differ() -> None:
    first, second = new_request_id(), new_request_id()
    assert first != second
    match = re.fullmatch(r"1-([0-9a-f]{8})-[0-9a-f]{16}", first)
    assert match
    assert abs(int(match[1], 16) - time.time()) < 60


@pytest.mark.parametrize(
    ("make", "limit", "named"),
    [
        (lambda size: Request("POST", "/", headers=(("X-A", "x" * (size - 3)),)), 8192, "headers"),
        (lambda size: Request("POST", "/?".ljust(size, "x")), 4096, "path and query"),
        (lambda size: Request("POST", "/", body=bytes(size)), 32 * MIB, "body"),
        (lambda size: Request("POST", "/", ASYNC, bytes(size)), 128 * 1024, "body"),
    ],
)
def test_a_request_may_reach_each_limit_and_not_exceed_it(
    make: Callable[[int], Request], limit: int, named: str
) -> None:
    check_limits(make(limit))
    with pytest.raises(RejectionError, match=named) as raised:
        check_limits(make(limit + 1))
    assert (raised.value.status, raised.value.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(("value", "expected"), [("Async", True), ("async", True), ("Sync", False), ("", False)])
def test_only_async_is_asynchronous(value: str, *, expected: bool) -> None:
    assert Request("POST", "/", (("x-fc-invocation-type", value),)).is_async is expected
