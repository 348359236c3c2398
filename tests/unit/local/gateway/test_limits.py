import pytest

from local.gateway.limits import check_limits, is_async
from local.gateway.message import RejectionError, Request

ASYNC = (("X-Fc-Invocation-Type", "Async"),)


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "/", headers=(("X-A", "x" * 8189),)),
        Request("POST", "/?" + "x" * 4094),
        Request("POST", "/", body=bytes(32 * 1024 * 1024)),
        Request("POST", "/", ASYNC, body=bytes(128 * 1024)),
    ],
)
def test_a_request_at_the_limit_passes(request_: Request) -> None:
    check_limits(request_)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (Request("POST", "/", headers=(("X-A", "x" * 8190),)), "headers"),
        (Request("POST", "/", headers=tuple((f"X-{n:03}", "x" * 100) for n in range(80))), "headers"),
        (Request("POST", "/?" + "x" * 4095), "path and query"),
        (Request("POST", "/", body=bytes(32 * 1024 * 1024 + 1)), "body"),
        (Request("POST", "/", ASYNC, body=bytes(128 * 1024 + 1)), "body"),
    ],
)
def test_a_request_beyond_a_limit_is_an_invalid_argument(request_: Request, named: str) -> None:
    with pytest.raises(RejectionError, match=named) as raised:
        check_limits(request_)
    assert (raised.value.status, raised.value.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(("value", "expected"), [("Async", True), ("async", True), ("Sync", False), ("", False)])
def test_only_async_is_asynchronous(value: str, *, expected: bool) -> None:
    assert is_async(Request("POST", "/", (("x-fc-invocation-type", value),))) is expected
