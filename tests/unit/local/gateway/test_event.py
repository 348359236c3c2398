import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from local.gateway.errors import RejectionError
from local.gateway.event import build_event, canonical_header_name, decode_path, encode_body, joined, rfc3339
from local.gateway.message import Request

RECEIVED = datetime(2023, 9, 5, 6, 41, 11, 895000, tzinfo=timezone.utc)


def event_of(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"method": "GET", "target": "/", "request_id": "1-64f6cd87-1", "received": RECEIVED}
    event = build_event(Request(**{**fields, **changes}), account_id="123", region="cn-shanghai")
    result: dict[str, Any] = json.loads(event)
    return result


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("webhook-id", "Webhook-Id"),
        ("X-HubSpot-Signature-v3", "X-Hubspot-Signature-V3"),
        ("x-1st-try", "X-1st-Try"),
        ("-a--b-", "-A--B-"),
        ("a!b-c~d", "A!b-C~d"),
        ("a b", "a b"),
        ("x-naïve", "x-naïve"),
        ("", ""),
    ],
)
def test_header_names_are_canonical_as_in_go(sent: str, canonical: str) -> None:
    assert canonical_header_name(sent) == canonical


def test_the_event_is_the_documented_one_field_by_field() -> None:
    assert event_of(
        method="POST",
        target="/mute%20call?a=1&b=x&b=y",
        headers=(
            ("content-type", "application/json"),
            ("webhook-id", "msg_1"),
            ("x-multi", "value1"),
            ("X-MULTI", "value2"),
            ("user-agent", "curl/8"),
        ),
        body=b'{"JobId":"job-1"}',
        source_ip="203.0.113.9",
        request_id="1-64f6cd87-0f0e0d0c0b0a0908",
    ) == {
        "version": "v1",
        "rawPath": "/mute%20call",
        "body": '{"JobId":"job-1"}',
        "isBase64Encoded": False,
        "headers": {
            "Content-Type": "application/json",
            "Webhook-Id": "msg_1",
            "X-Multi": "value1,value2",
            "User-Agent": "curl/8",
        },
        "queryParameters": {"a": "1", "b": "x,y"},
        "requestContext": {
            "accountId": "123",
            "domainName": "local.cn-shanghai.fcapp.run",
            "domainPrefix": "local",
            "requestId": "1-64f6cd87-0f0e0d0c0b0a0908",
            "time": "2023-09-05T06:41:11Z",
            "timeEpoch": "1693896071895",
            "http": {
                "method": "POST",
                "path": "/mute call",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "curl/8",
            },
        },
    }


def test_the_event_is_utf8_and_holds_text_unescaped() -> None:
    request = Request("POST", "/", body="静音".encode())
    assert "静音".encode() in build_event(request, account_id="1", region="r")


@pytest.mark.parametrize(
    ("content_type", "body", "is_text"),
    [
        ("", b"hello", True),
        ("text/plain", b"hello", True),
        ("TEXT/HTML; charset=utf-8", b"hello", True),
        ("application/json", b"{}", True),
        ("application/problem+json", b"{}", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("application/xml", b"<a/>", True),
        ("application/javascript", b"1", True),
        ("application/json", b"\xff", False),
        ("", b"\xff", False),
        ("application/octet-stream", b"hello", False),
        ("multipart/form-data; boundary=x", b"hello", False),
        ("application/jsonx", b"{}", False),
    ],
)
def test_text_stays_text_and_all_else_is_base64(content_type: str, body: bytes, *, is_text: bool) -> None:
    text, is_base64 = encode_body(content_type, body)
    assert is_base64 is not is_text
    assert text == (body.decode() if is_text else base64.b64encode(body).decode())


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", {}),
        ("a", {"a": ""}),
        ("a=1&a=2&A=3", {"a": "1,2", "A": "3"}),
        ("a=x%2Cy&b=1+2%2B3", {"a": "x,y", "b": "1 2+3"}),
        ("%E9%9D%99=%E9%9F%B3", {"静": "音"}),
        ("a=%ff", {"a": "\ufffd"}),
        ("a=b?c", {"a": "b?c"}),
    ],
)
def test_query_parameters_are_decoded_and_joined(query: str, parameters: dict[str, str]) -> None:
    assert event_of(target=f"/?{query}")["queryParameters"] == parameters


def test_platform_and_connection_headers_of_the_client_are_dropped() -> None:
    kept = {"X-Fc-Log-Type": "Tail", "X-Fc-Invocation-Type": "Sync", "Host": "127.0.0.1:9000", "X-Fcx": "1"}
    dropped = {"x-fc-request-id": "1", "X-FC-Security-Token": "t", "Connection": "close", "Keep-Alive": "1"}
    headers = (*dropped.items(), ("Transfer-Encoding", "chunked"), *kept.items())
    assert event_of(headers=headers)["headers"] == kept


def test_header_values_are_taken_for_utf8() -> None:
    headers = (
        ("X-A", "静音".encode().decode("latin-1")),
        ("X-B", "\xff"),
        ("User-Agent", "é".encode().decode("latin-1")),
    )
    event = event_of(headers=headers)
    assert event["headers"] == {"X-A": "静音", "X-B": "\ufffd", "User-Agent": "é"}
    assert event["requestContext"]["http"]["userAgent"] == "é"


@pytest.mark.parametrize("path", ["/%ff", "/%zz", "/%", "/%2", "/%C3%28"])
def test_a_path_that_is_not_encoded_utf8_is_refused(path: str) -> None:
    with pytest.raises(RejectionError) as raised:
        decode_path(path)
    assert (raised.value.status, raised.value.code) == (400, "InvalidArgument")


def test_an_encoded_slash_and_plus_are_decoded_as_a_path() -> None:
    assert decode_path("/a%2Fb+c%25") == "/a/b+c%"


def test_joined_keeps_the_first_place_of_a_name() -> None:
    assert list(joined([("b", "1"), ("a", "2"), ("b", "3")]).items()) == [("b", "1,3"), ("a", "2")]


def test_time_is_utc() -> None:
    assert rfc3339(RECEIVED.astimezone(timezone(timedelta(hours=8)))) == "2023-09-05T06:41:11Z"
