from __future__ import annotations

import json
from typing import Any

import pytest

from shared.payload.decode import decode_body, decode_form, decode_json, decode_query
from shared.problems import MalformedRequest, UnsupportedMediaType

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def nested(levels: int, opening: str = '{"a":', closing: str = "}", core: str = "{}") -> bytes:
    """Return an object of so many levels; the core is the last."""
    return (opening * (levels - 1) + core + closing * (levels - 1)).encode()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"a":"1"}'),
        ("Application/JSON", b'{"a":"1"}'),
        ("application/json; charset=utf-8", b'{"a":"1"}'),
        ('application/json;charset="UTF-8"', b'{"a":"1"}'),
        ("application/json ; Charset = utf8 ; v=1", b'{"a":"1"}'),
        ("application/json; profile=utf-16", b'{"a":"1"}'),
        ("application/cloudevents+json", b'{"a":"1"}'),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("application/x-www-form-urlencoded;charset=UTF-8", b"a=1"),
        ("application/json; charset=us-ascii", b'{"a":"1"}'),
        ("application/json", b'\xef\xbb\xbf{"a":"1"}'),
        ("application/x-www-form-urlencoded", b"\xef\xbb\xbfa=1"),
    ],
)
def test_json_and_forms_in_utf8_are_taken(content_type: str, body: bytes) -> None:
    assert decode_body(body, {"content-type": content_type}) == {"a": "1"}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/json5",
        "multipart/form-data; boundary=x",
        "image/svg+xml",
        "application/json,application/json",
        "application/json; charset=utf-16",
        "application/json; charset=",
        "application/json; charset=utf-8; charset=gbk",
        "application/x-www-form-urlencoded; charset=gbk",
        ";",
    ],
)
def test_other_content_types_and_charsets_are_unsupported(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        decode_body(b"{}", {"content-type": content_type})


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
def test_a_compressed_body_is_unsupported(coding: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        decode_body(b"{}", JSON | {"content-encoding": coding})


@pytest.mark.parametrize("coding", [" Identity", "", "UTF-8"])
def test_a_coding_that_is_no_compression_is_none(coding: str) -> None:
    assert decode_body(b"{}", JSON | {"content-encoding": coding}) == {}


@pytest.mark.parametrize("content_type", ["", "text/plain; charset=UTF-8", "application/octet-stream", *JSON.values()])
def test_a_caller_may_say_what_its_payload_is(content_type: str) -> None:
    headers = {"content-type": content_type}

    assert decode_body(b'{"a":"1"}', headers, "json") == {"a": "1"}
    assert decode_body(b"a=1", headers, "form") == {"a": "1"}


def test_what_the_payload_is_excuses_neither_charset_nor_compression() -> None:
    for headers in ({"content-type": "text/plain; charset=gbk"}, {"content-encoding": "gzip"}):
        with pytest.raises(UnsupportedMediaType):
            decode_body(b"{}", headers, "json")


@pytest.mark.parametrize("value", [[{"a": 1}], [], "text", 5, None])
def test_expressions_read_any_json(value: object) -> None:
    assert decode_body(json.dumps(value).encode(), JSON, has_expressions=True) == value


def test_expressions_read_a_field_that_comes_twice_as_a_list() -> None:
    assert decode_body(b"a=1&b=2&a=3&c%5B%5D=4", FORM, has_expressions=True) == {"a": ["1", "3"], "b": "2", "c[]": "4"}


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b"\xff\xfe{\x00}\x00", JSON, "byte order mark"),
        (b'{"a": "\xff"}', JSON, "not UTF-8"),
        (b"a=\xff", FORM, "not UTF-8"),
        (b'{"a": 1, "a": 2}', JSON, "duplicate key"),
        (nested(33), JSON, "32 levels"),
        (nested(10_000), JSON, "32 levels"),
        (b'{"a": NaN}', JSON, "NaN"),
        (b'{"a": 1e999}', JSON, "too large"),
        (b'{"a": [-1E309]}', JSON, "too large"),
        (b'{"a": ' + b"9" * 400 + b".0}", JSON, "too large"),
        (b'{"a": "\\ud800"}', JSON, "surrogate"),
        (b'{"a":\n x}', JSON, "line 2, column 2"),
        (b"[1]", JSON, "not an object"),
        (b"call=1&agent=2", JSON, "form"),
        (b' {"call": "a=1"}', FORM, "JSON"),
        (b"a=%zz", FORM, "escape"),
        (b"a=1&a=2", FORM, "twice"),
    ],
)
def test_the_reason_tells_faults_apart(body: bytes, headers: dict[str, str], words: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decode_body(body, headers)

    assert words in caught.value.reason
    assert words in caught.value.detail


@pytest.mark.parametrize("headers", [{}, JSON, FORM, {"content-type": "text/plain"}])
def test_no_body_is_an_empty_object_whatever_the_headers_say(headers: dict[str, str]) -> None:
    assert decode_body(b"", headers) == {}


@pytest.mark.parametrize("value", ["ch:user:1->2", "ch%3Auser%3A1-%3E2", "ch%3auser:1->2"])
def test_query_values_are_decoded_whether_the_platform_did_or_not(value: str) -> None:
    assert decode_query({"ChannelId": value}) == {"ChannelId": "ch:user:1->2"}


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        ("", {}),
        ("a=%2526&b=x+y&c", {"a": "%26", "b": "x y", "c": ""}),
        ("a=1&b=2&a=3", {"a": "1,3", "b": "2"}),
        ("%61=%3D&=x&&", {"a": "=", "": "x"}),
    ],
)
def test_a_query_that_is_known_as_it_was_sent_is_decoded_once(raw: str, decoded: dict[str, str]) -> None:
    assert decode_query({"a": "whatever %41"}, raw) == decoded


@pytest.mark.parametrize("raw", ["a=%FF", "%ED%A0%80=a", "a=\ud800", "&".join(map(str, range(101)))], ids=ascii)
def test_a_raw_query_that_cannot_be_read_is_malformed(raw: str) -> None:
    with pytest.raises(MalformedRequest):
        decode_query({}, raw)


@pytest.mark.parametrize("value", ["ü", "%C3%BC", "\U0001f600", "", "a+b", "100%"])
def test_query_values_in_utf8_are_taken(value: str) -> None:
    assert set(decode_query({"a": value})) == {"a"}


@pytest.mark.parametrize(
    "query", [{"a": "%FF"}, {"a": "%ED%A0%80"}, {"a": "\ud800"}, {"\ud800": "a"}, {"a": "x", "b": "%C3"}], ids=ascii
)
def test_a_query_that_is_no_utf8_is_malformed(query: dict[str, str]) -> None:
    with pytest.raises(MalformedRequest):
        decode_query(query)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": None, "b": [True, {"c": "ü"}], "": 1.5},
        {"a": 2**64, "b": -(10**50), "c": 0},
        {"a": 1e308, "b": "\U0001f600"},
    ],
)
def test_a_json_object_is_decoded(value: dict[str, Any]) -> None:
    assert decode_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("text", ["[]", "null", "true", "1", '"text"', '[{"a": 1}]'])
def test_json_that_is_no_object_is_malformed(text: str) -> None:
    with pytest.raises(MalformedRequest):
        decode_json(text.encode())


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"{}}",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b'{"a": "\n"}',
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-16-le"),
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": [{"b": 1, "\\u0062": 2}]}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"a": "x\\ude00\\ud83d"}',
        b'{"\\ud800": 1}',
        b'{"a": [["\\ud800"]]}',
        b'{"a": {"b": {"\\ud800": 1}}}',
    ],
    ids=lambda body: repr(body)[:32],
)
def test_json_that_readers_may_read_differently_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decode_json(body)


@pytest.mark.parametrize(
    ("opening", "closing", "core"),
    [('{"a":', "}", "{}"), ('{"a":', "}", '{"b": 1}'), ('{"a":', "}", "[]"), ('{"a":', "}", '[1, "x"]')],
)
def test_32_levels_are_taken_and_33_are_malformed(opening: str, closing: str, core: str) -> None:
    assert decode_json(nested(32, opening, closing, core))
    with pytest.raises(MalformedRequest):
        decode_json(nested(33, opening, closing, core))


@pytest.mark.parametrize("body", [b"[" * 65_536, b'{"a":' * 13_000, nested(10_000)])
def test_a_body_deeper_than_the_interpreter_goes_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decode_json(body)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}),
        ("a", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("a=x+y%2Bz", {"a": "x y+z"}),
        ("a+b=1", {"a b": "1"}),
        ("a=%C3%BC", {"a": "ü"}),
        ("a=ü", {"a": "ü"}),
        ("a\\x41=\\%5c\\N{DASH}%c3%bcü", {"a\\x41": "\\\\\\N{DASH}üü"}),
        ("a=user%40ccc-test", {"a": "user@ccc-test"}),
        ("", {}),
    ],
)
def test_a_form_is_decoded(body: str, fields: dict[str, str]) -> None:
    assert decode_form(body.encode()) == fields


@pytest.mark.parametrize(
    "body",
    [b"a=%", b"a=%4", b"a=%zz", b"%=1", b"a=%u00fc", b"a=%FF", b"%ff=1", b"a=\xff", b"a=%ED%A0%80", b"a=%C3\xbc"],
)
def test_a_form_with_bad_escapes_or_bad_utf8_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decode_form(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "x&job_id=j"}',
        b' ["x&job_id=j&"]',
        b'"x&job_id=j"',
        b'{"a": 1, "a": "x&job_id=j&b="}',
        b'{"a": NaN, "b": "x&job_id=j&b="}',
        b'{"a": 1e999, "b": "x&job_id=j&b="}',
        b'{"a": ' + b"1" * 5000 + b', "b": "x&job_id=j&b="}',
        b'{"a": "\\ud800&job_id=j&b="}',
        b"[" * 100_000 + b'"&job_id=j&"' + b"]" * 100_000,
    ],
    ids=lambda body: repr(body)[:32],
)
def test_what_was_signed_as_json_is_no_form_under_another_content_type(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="is JSON"):
        decode_form(body, lists=True)


@pytest.mark.parametrize("body", [b"a=1&a=1", b"a=1&b=2&a=3", b"a=1&%61=2", b"a&a="])
def test_a_form_that_repeats_a_field_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        decode_form(body)
