from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import pytest

from shared.problems import MalformedRequest, PayloadTooLarge
from shared.runtime.event import MAX_BODY_BYTES, Request, Response, read_event, to_http
from tests.builders import PAYLOAD, direct_event, http_event


def event_with(**changes: Any) -> bytes:
    return json.dumps(json.loads(http_event()) | changes).encode()


def test_an_http_event_becomes_a_request() -> None:
    request = read_event(
        http_event(
            {"a": 1},
            method="post",
            path="/hook%20s/crm",
            headers={"X-Multi": "value1,value2"},
            query={"a": "1"},
            source_ip="203.0.113.7",
        )
    )

    assert not request.direct
    assert request.method == "POST"
    assert request.caller_path == "crm"
    assert request.path == "/hook s/crm"
    assert request.headers["x-multi"] == "value1,value2"
    assert request.query == {"a": "1"}
    assert request.source_ip == "203.0.113.7"
    assert json.loads(request.body) == {"a": 1}


@pytest.mark.parametrize(
    ("path", "segment"),
    [
        ("", ""),
        ("//", ""),
        ("/crm//", "crm"),
        ("/2020/hooks/crm", "crm"),
        ("crm", "crm"),
        ("/c%72m", "crm"),
        ("/a%2Fcrm", "a/crm"),
        ("/caf%C3%A9", "café"),
        ("/%FF", "\ufffd"),
        ("/%zz", "%zz"),
    ],
)
def test_the_last_segment_that_is_not_empty_names_the_caller(path: str, segment: str) -> None:
    event = json.loads(http_event(path=path))
    event["requestContext"]["http"]["path"] = ""

    assert read_event(json.dumps(event).encode()).caller_path == segment


def test_the_decoded_path_stands_in_for_a_missing_raw_path() -> None:
    event = json.loads(http_event(path="/crm"))
    del event["rawPath"]

    assert read_event(json.dumps(event).encode()).caller_path == "crm"


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": None, "queryParameters": None, "body": None, "isBase64Encoded": None},
        {"headers": [], "queryParameters": "a=1", "body": 5, "isBase64Encoded": "true"},
        {"headers": {"A": 1}, "queryParameters": {"a": ["1"]}, "body": {}, "isBase64Encoded": 1},
    ],
)
def test_what_the_platform_leaves_out_is_empty(changes: dict[str, Any]) -> None:
    request = read_event(event_with(**changes))

    assert request.headers == {}
    assert request.query == {}
    assert request.body == b""


@pytest.mark.parametrize(
    "payload",
    [
        dict(PAYLOAD),
        {},
        {"version": "v1", "body": "x"},
        {"requestContext": {}},
        {"requestContext": {"http": "POST"}},
        {"requestContext": []},
    ],
)
def test_any_other_json_object_is_a_direct_invocation(payload: dict[str, Any]) -> None:
    event = direct_event(payload)

    request = read_event(event)

    assert request.direct
    assert request.body == event


@pytest.mark.parametrize("event", ['{"JobId": "ü"}', '{"JobId": "ü\\ud800"}'])
def test_an_event_as_text_is_taken_too_even_with_a_lone_surrogate(event: str) -> None:
    assert read_event(event).body == event.encode()


def test_of_an_oversized_event_as_text_nothing_is_copied() -> None:
    event = '{"JobId": "' + "x" * 8_388_608
    tracemalloc.start()
    assert isinstance(read_event(event).fault, PayloadTooLarge)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        "\ud800",
        None,
        5,
        {"JobId": "job"},
        bytearray(b"{}"),
    ],
    ids=lambda event: repr(event)[:20],
)
def test_an_event_that_is_no_json_is_malformed(event: object) -> None:
    assert isinstance(read_event(event).fault, MalformedRequest)


@pytest.mark.parametrize("body", [b"", b"a", b"ab", b"abc", b"\xff\xfe\x00", b'{"JobId": "j"}', bytes(range(256))])
def test_a_base64_body_is_decoded(body: bytes) -> None:
    event = http_event(body=base64.b64encode(body).decode(), is_base64=True)

    assert read_event(event).body == body


@pytest.mark.parametrize(
    "body", ["a", "abc", "YQ==\n", " YQ==", "YQ==YQ==", "YQ=a", "Y-_=", "é", "\ud800", "=", "YWJj=", "YWJj====", "YR=="]
)
def test_bad_base64_is_malformed(body: str) -> None:
    assert isinstance(read_event(http_event(body=body, is_base64=True)).fault, MalformedRequest)


@pytest.mark.parametrize("size", [262_144, 262_145])
@pytest.mark.parametrize("filling", ["a", "\0é", "中", "😀", "base64"])
@pytest.mark.parametrize("in_ascii", [False, True])
def test_the_limit_is_the_same_however_the_event_spells_the_body(*, size: int, filling: str, in_ascii: bool) -> None:
    body = filling * (size // len(filling.encode()))
    body += "a" * (size - len(body.encode()))
    is_base64 = filling == "base64"
    spelled = base64.b64encode(body.encode()).decode() if is_base64 else body
    whole = {"body": spelled, "isBase64Encoded": is_base64, "requestContext": {"http": {}}}
    event = json.dumps(whole, ensure_ascii=in_ascii).encode()

    request = read_event(event)

    assert isinstance(request.fault, PayloadTooLarge if size > MAX_BODY_BYTES else type(None))
    assert len(request.body) == (0 if size > MAX_BODY_BYTES else size)


def test_a_response_has_the_four_keys_of_the_trigger() -> None:
    answer = to_http(Response(404, {"title": "ü"}, {"Allow": "POST"}, "application/problem+json"))

    assert answer == {
        "statusCode": 404,
        "headers": {"Content-Type": "application/problem+json", "Cache-Control": "no-store", "Allow": "POST"},
        "isBase64Encoded": False,
        "body": '{"title": "ü"}',
    }


def test_a_requests_representation_shows_nothing_of_its_sender() -> None:
    request = Request(headers={"authorization": "canary"}, query={"a": "canary"}, body=b"canary")

    assert "canary" not in repr(request)
