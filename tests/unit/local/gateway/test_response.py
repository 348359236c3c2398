import base64
import json
from typing import Any

import pytest

from local.gateway.errors import RejectionError
from local.gateway.response import answer_from, is_reserved


def envelope(**changes: Any) -> bytes:
    return json.dumps({"statusCode": 200, "headers": {}, "isBase64Encoded": False, "body": "", **changes}).encode()


def test_an_envelope_is_answered_as_it_says() -> None:
    headers = {"content-type": "text/plain", "X-Name": "静音"}
    answer = answer_from(envelope(statusCode=418, headers=headers, body="静音"))
    assert (answer.status, answer.body) == (418, "静音".encode())
    assert answer.headers == {"Content-Type": "text/plain", "X-Name": "静音"}


def test_only_the_status_is_required() -> None:
    answer = answer_from(b'{"statusCode":204}')
    assert (answer.status, answer.headers, answer.body) == (204, {}, b"")
    answer = answer_from(b'{"statusCode":200,"headers":null,"isBase64Encoded":null,"body":null}')
    assert (answer.status, answer.headers, answer.body) == (200, {}, b"")


def test_a_base64_body_is_decoded() -> None:
    body = base64.b64encode(b"\x00\xff").decode()
    assert answer_from(envelope(isBase64Encoded=True, body=body)).body == b"\x00\xff"


@pytest.mark.parametrize(
    "payload",
    [
        b"hello",
        b"",
        b"\xff\xfe",
        b'{"status": "muted"}',
        b'["statusCode"]',
        b'{"statusCode": 200, "body": NaN}',
        b"[" * 100_000,
    ],
)
def test_everything_else_is_the_body_of_a_200(payload: bytes) -> None:
    answer = answer_from(payload)
    assert (answer.status, answer.headers, answer.body) == (200, {"Content-Type": "application/json"}, payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"statusCode": "200"},
        {"statusCode": 200.0},
        {"statusCode": 199},
        {"statusCode": 600},
        {"headers": ["a"]},
        {"headers": {"X-A": 1}},
        {"headers": {"X-A": "1\r\nSet-Cookie: a=b"}},
        {"headers": {"X A": "1"}},
        {"headers": {"": "1"}},
        {"headers": {"X-A": "x" * (8 * 1024 - 2)}},
        {"headers": {f"X-{number}": "静" * 100 for number in range(28)}},
        {"body": {"a": 1}},
        {"body": "\ud800"},
        {"isBase64Encoded": "true"},
        {"isBase64Encoded": True, "body": "not base64!"},
        {"isBase64Encoded": True, "body": "aG!k="},
    ],
)
def test_a_response_that_breaks_the_form_is_a_bad_response(changes: dict[str, Any]) -> None:
    with pytest.raises(RejectionError) as raised:
        answer_from(envelope(**changes))
    rejection = raised.value
    assert (rejection.status, rejection.code, rejection.error_type) == (502, "BadResponse", "UnhandledInvocationError")


def test_headers_up_to_8_kb_pass() -> None:
    assert len(answer_from(envelope(headers={"X-A": "x" * (8 * 1024 - 3)})).headers["X-A"]) == 8 * 1024 - 3


@pytest.mark.parametrize(
    ("name", "value", "reserved"),
    [
        ("X-Fc-Request-Id", "1", True),
        ("Connection", "close", True),
        ("content-length", "1", True),
        ("DATE", "now", True),
        ("Keep-Alive", "timeout=5", True),
        ("Server", "x", True),
        ("Transfer-Encoding", "chunked", True),
        ("Upgrade", "h2c", True),
        ("Content-Disposition", "attachment; filename=a", True),
        ("Content-Disposition", "inline", False),
        ("X-Fcx", "1", False),
        ("Retry-After", "1", False),
    ],
)
def test_reserved_headers_are_stripped(name: str, value: str, *, reserved: bool) -> None:
    assert is_reserved(name, value) is reserved
    assert (answer_from(envelope(headers={name: value})).headers == {}) is reserved
