from __future__ import annotations

import pytest

from local.console.guard import LONGEST_BODY, RefusalError, check
from local.gateway.message import Request

GATEWAY = "http://127.0.0.1:9000"
JSON = ("Content-Type", "application/json")


def request(*headers: tuple[str, str], method: str = "GET", host: str = "127.0.0.1:9000", body: bytes = b"") -> Request:
    return Request(method, "/_console/state", (("Host", host), *headers), body)


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost:9000", "LOCALHOST:9000"])
@pytest.mark.parametrize("origin", [None, "http://127.0.0.1:9000", "http://localhost:9000"])
def test_the_page_itself_is_served(host: str, origin: str | None) -> None:
    origins = [("Origin", origin)] if origin else []
    check(request(*origins, host=host), GATEWAY)
    check(request(*origins, JSON, host=host, method="POST"), GATEWAY)
    check(request(("content-type", "Application/JSON; charset=utf-8"), host=host, method="POST"), GATEWAY)


def test_the_port_that_http_implies_may_be_left_out() -> None:
    check(request(host="127.0.0.1"), "http://127.0.0.1:80")


@pytest.mark.parametrize(
    "host",
    ["", "127.0.0.1", "127.0.0.1:9001", "evil.example:9000", "127.0.0.1.evil.example:9000", "127.0.0.1:9000,evil"],
)
def test_another_name_that_leads_here_is_refused(host: str) -> None:
    with pytest.raises(RefusalError) as refused:
        check(request(host=host), GATEWAY)
    assert refused.value.status == 421


def test_two_names_at_once_are_refused() -> None:
    with pytest.raises(RefusalError):
        check(request(("Host", "evil.example")), GATEWAY)


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "https://127.0.0.1:9000", "http://127.0.0.1:8000"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_page_is_refused(origin: str, method: str) -> None:
    with pytest.raises(RefusalError) as refused:
        check(request(("Origin", origin), JSON, method=method), GATEWAY)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "text/plain;application/json"]
)
def test_what_a_form_of_any_page_can_send_is_refused(kind: str | None) -> None:
    headers = [("Content-Type", kind)] if kind else []
    with pytest.raises(RefusalError) as refused:
        check(request(*headers, method="POST"), GATEWAY)
    assert refused.value.status == 415


def test_a_body_has_its_limit() -> None:
    check(request(JSON, method="POST", body=b" " * LONGEST_BODY), GATEWAY)
    with pytest.raises(RefusalError) as refused:
        check(request(JSON, method="POST", body=b" " * (LONGEST_BODY + 1)), GATEWAY)
    assert refused.value.status == 413
