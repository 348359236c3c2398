"""The URL that a sender signed, rebuilt from what the platform passes on."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import pytest
from hubspot.utils.signature import Signature  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.callers.schemes import read_auth
from shared.callers.schemes.urls import PublicUrl, signed_urls, with_default_port
from shared.payload.decode import decode_query
from shared.problems import Unauthorized
from shared.runtime.event import Request
from tests.unit.shared.callers.schemes.references import NOW, changed, mac

SECRET = "client-secret"
PUBLIC = "https://hooks.example.com/hubspot"
JSON = {"content-type": "application/json"}
REQUEST = Request(headers={"host": "fc.example", **JSON}, raw_path="/hubspot")


# HubSpot, "Validating requests": these are decoded before the URL is signed, and no others.
DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip


def hubspots(url: str) -> str:
    """Return a URL as HubSpot signs it."""
    for escape, character in DECODED.items():
        url = url.replace(escape, character)
    return url


def accepts(request: Request, url: str, public_url: str | None = PUBLIC) -> bool:
    """Return whether a signature of HubSpot's library over this URL is accepted."""
    stamp = f"{NOW}000"
    signature = Signature.get_signature(SECRET, "{}", "v3", http_uri=url, http_method=request.method, timestamp=stamp)
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}
    scheme = read_auth({"scheme": "hubspot", "secrets": ["env:A"], "public_url": public_url})
    try:
        scheme.verify(replace(request.with_headers(headers), body=b"{}"), [SECRET], NOW)
    except Unauthorized:
        return False
    return True


def test_the_public_url_counts_where_it_is_given() -> None:
    assert accepts(REQUEST, PUBLIC)
    assert not accepts(REQUEST, "https://fc.example/hubspot")


def test_else_host_and_path_as_they_were_sent() -> None:
    assert accepts(REQUEST, "https://fc.example/hubspot", None)
    assert accepts(changed(REQUEST, raw_path="/a%20b/"), "https://fc.example/a%20b/", None)
    assert not accepts(REQUEST, PUBLIC, None)


@pytest.mark.parametrize("host", [{}, {"host": ""}])
def test_without_either_it_is_unauthorized(host: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        signed_urls(Request(headers=host), None)
    assert signed_urls(Request(headers=host), PUBLIC) == [PUBLIC]


def strictly_quoted(text: str) -> str:
    return quote(text, safe="")


VALUES = [
    "1",
    "",
    "a b",
    "a+b",
    "a%2Bb",
    "ü",
    "\U0001f600",
    "user@ccc-test",
    "ch:user:1->2",
    "a/b?c",
    "100%",
    "&=#",
    "(x)",
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("escape", [quote, quote_plus, strictly_quoted])
def test_a_query_is_found_in_the_senders_spelling(value: str, escape: Callable[[str], str]) -> None:
    sent = escape(value)
    url = hubspots(f"{PUBLIC}?a={sent}")

    # The platform may hand the value over as it was sent, or decoded. A plus sign could be either there.
    assert accepts(changed(REQUEST, query={"a": sent}), url) is ("+" not in sent)
    if "%" not in value:
        assert accepts(changed(REQUEST, query={"a": value}), url)


def test_parameters_stay_in_the_order_of_the_event() -> None:
    request = changed(REQUEST, query={"b": "1", "a": "2"})

    assert accepts(request, f"{PUBLIC}?b=1&a=2")
    assert not accepts(request, f"{PUBLIC}?a=2&b=1")
    assert not accepts(request, PUBLIC)


def test_a_url_is_tried_once_in_each_spelling() -> None:
    assert signed_urls(changed(REQUEST, query={"a": "1", "b": "2"}), PUBLIC) == [f"{PUBLIC}?a=1&b=2"]
    assert signed_urls(changed(REQUEST, query={"a": "x y"}), PUBLIC) == [
        f"{PUBLIC}?a=x%20y",
        f"{PUBLIC}?a=x+y",
    ]
    assert signed_urls(changed(REQUEST, query={"a": "x y"}), PUBLIC, b"x" * 4097) == [f"{PUBLIC}?a=x%20y"]
    path = "/" + "x" * 2048
    long = changed(REQUEST, raw_path=path, query={"a": "x y"})
    assert len(signed_urls(long, None)) > 1
    assert signed_urls(long, None, b"x" * 2048) == [f"https://{REQUEST.headers['host']}{path}?a=x%20y"]
    assert signed_urls(changed(REQUEST, query={"a": "(@/é)"}), PUBLIC) == [
        f"{PUBLIC}?a=%28%40%2F%C3%A9%29",
        f"{PUBLIC}?a=%28%40/%C3%A9%29",
        f"{PUBLIC}?a=(%40%2F%C3%A9)",
        f"{PUBLIC}?a=(@/%C3%A9)",
        f"{PUBLIC}?a=(@/é)",
    ]


def read(query: str) -> list[tuple[str, str]]:
    """Return what a query says to whoever reads it as the senders write it."""
    return parse_qsl(query, keep_blank_values=True, errors="strict")


texts = st.text(st.sampled_from("ab&=%+#;,?@:/\\~!*'() \t\n\x00é\u00a0\U0001f600") | st.characters(), max_size=6)
escaped = st.lists(st.sampled_from(["%26", "%3D", "%25", "%2B", "%23", "%20", "%", "a", "+"]), max_size=4).map("".join)


@settings(max_examples=80, deadline=None, database=None)
@given(query=st.dictionaries(texts | escaped, texts | escaped, min_size=1, max_size=3))
def test_every_spelling_that_is_tried_says_what_the_request_is_taken_for(query: dict[str, str]) -> None:
    try:
        urls = signed_urls(changed(REQUEST, query=query), PUBLIC)
    except Unauthorized:
        return
    for url in urls:
        assert read(url.removeprefix(f"{PUBLIC}?")) == list(decode_query(query).items())
        assert not set(url) & set(" \t\r\n#")


# A query as it was signed, and as it is sent by somebody who has recorded it.
ANEW = [
    ("DeviceId=d&ChannelId=c", "DeviceId=d%26ChannelId%3Dc"),
    ("DeviceId=d&ChannelId=c", "DeviceId%3Dd%26ChannelId=c"),
    ("DeviceId=d&ChannelId=c", "DeviceId=d%2526ChannelId%253Dc"),
    ("DeviceId=d&ChannelId=c", "DeviceId=d&%43hannelId=c"),
    ("DeviceId=d&ChannelId=c", "DeviceId=d;ChannelId=c"),
    ("DeviceId=d&ChannelId=c", "ChannelId=c&DeviceId=d"),
    ("DeviceId=d&ChannelId=", "DeviceId=d%26ChannelId%3D"),
    ("DeviceId=d%26ChannelId%3Dc", "DeviceId=d&ChannelId=c"),
    ("DeviceId=a+b", "DeviceId=a%2Bb"),
    ("DeviceId=a+b", "DeviceId=a%252Bb"),
    ("DeviceId=a%2Bb", "DeviceId=a+b"),
    ("DeviceId=a%2541", "DeviceId=aA"),
    ("DeviceId=a%2541", "DeviceId=a%41"),
    ("DeviceId=a%2526", "DeviceId=a%26"),
    ("DeviceId=a&JobId=j", "DeviceId=a&&JobId=%6A%26"),
    ("JobId=1,2", "JobId=1%2C2,"),
    ("JobId=1&JobId=2", "JobId=1%26JobId%3D2"),
    ("JobId=j#x", "JobId=j%23x"),
    ("JobId=j", "JobId=j%23x"),
    ("JobId=j", "JobId=j%00"),
    ("JobId=j", "JobId=j%20"),
]


def forms_of(query: str) -> list[Request]:
    """Return a request with this query as the platform may tell it, decoded or not, and one with the query itself."""
    as_sent = dict(piece.partition("=")[::2] for piece in query.split("&") if piece)
    decoded = dict(parse_qsl(query, keep_blank_values=True))
    return [
        changed(REQUEST, query=decoded),
        changed(REQUEST, query=as_sent),
        changed(REQUEST, query=decoded, raw_query=query),
    ]


@pytest.mark.parametrize(("signed", "sent"), ANEW)
def test_a_query_that_was_cut_anew_is_not_taken_for_another(signed: str, sent: str) -> None:
    for request in forms_of(sent):
        if accepts(request, f"{PUBLIC}?{signed}"):
            # Only ever another spelling of the same, and where the platform hides which.
            assert request.raw_query is None
            assert list(decode_query(request.query).items()) == read(signed)


def test_where_the_query_is_at_hand_it_counts_byte_by_byte() -> None:
    for sent in (
        "a=x+y",
        "a=x%20y",
        "a=x%2520y",
        "a=b=c",
        "a@b=%40",
        "b=1&a=2&b=3",
        "a",
        "a=%c3%bc",
        "a=%C3%BC",
        "&&",
        "a=%",
    ):
        request = changed(REQUEST, query=dict(parse_qsl(sent)), raw_query=sent)
        assert accepts(request, f"{PUBLIC}?{hubspots(sent)}"), sent
        assert signed_urls(request, PUBLIC) == [f"{PUBLIC}?{sent}"]
    assert signed_urls(changed(REQUEST, raw_query=""), PUBLIC) == [PUBLIC]
    for sent in ("a=x y", "a=x\ty", "a=x\u00a0y", "a=\x00", "a" * 8190):
        assert not accepts(changed(REQUEST, raw_query=sent), f"{PUBLIC}?{sent}")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("fc.example/hubspot?a=", "/hubspot"),
        ("fc.example", "/hubspot?a=/hubspot"),
        ("fc.example", "/hubspot%3Fa=/hubspot"),
    ],
)
def test_the_end_of_a_path_cannot_be_passed_off_as_a_query_nor_the_other_way(host: str, path: str) -> None:
    request = changed(REQUEST, headers={"host": host}, raw_path=path)
    assert not accepts(request, "https://fc.example/hubspot?a=/hubspot", None)
    assert accepts(changed(REQUEST, query={"a": "/hubspot"}), "https://fc.example/hubspot?a=/hubspot", None)


@pytest.mark.parametrize(
    "query",
    [{f"a{number}": "" for number in range(51)}, {"a": "x" * 1024}, {"é" * 513: ""}],
    ids=["many", "long", "name"],
)
def test_a_query_beyond_what_senders_have_is_not_rebuilt(query: dict[str, str]) -> None:
    assert not accepts(changed(REQUEST, query=query), f"{PUBLIC}?{urlencode(query)}")


@pytest.mark.parametrize(("escape", "character"), DECODED.items())
def test_hubspot_decodes_these_escapes(escape: str, character: str) -> None:
    for written in (escape, escape.lower()):
        # Nobody can tell an escaped question mark in a path from the beginning of a query then.
        in_path = changed(REQUEST, raw_path=f"/a{written}b")
        assert accepts(in_path, f"https://fc.example/a{character}b", None) is (character != "?")
        assert accepts(changed(REQUEST, query={"a": f"x{written}y"}), f"{PUBLIC}?a=x{character}y")
    assert accepts(changed(REQUEST, query={"a": f"x{character}y"}), f"{PUBLIC}?a=x{character}y")


@pytest.mark.parametrize("escape", ["%20", "%26", "%3D", "%2B", "%23", "%25", "%C3%BC", "%22"])
def test_hubspot_leaves_other_escapes(escape: str) -> None:
    assert accepts(changed(REQUEST, raw_path=f"/a{escape}b"), f"https://fc.example/a{escape}b", None)
    assert accepts(changed(REQUEST, query={"a": escape}), f"{PUBLIC}?a={escape}")


def test_an_escape_is_decoded_once() -> None:
    assert accepts(changed(REQUEST, raw_path="/a%253Ab"), "https://fc.example/a%253Ab", None)
    assert not accepts(changed(REQUEST, raw_path="/a%253Ab"), "https://fc.example/a%3Ab", None)


def test_the_example_of_hubspot() -> None:
    # By hand, without the library: method, URL, body and timestamp, nothing between.
    digest = mac(SECRET.encode(), f"POST{PUBLIC}?a=1".encode() + b"{}" + f"{NOW}000".encode())
    headers = {
        "x-hubspot-signature-v3": base64.b64encode(digest).decode(),
        "x-hubspot-request-timestamp": f"{NOW}000",
    }
    scheme = read_auth({"scheme": "hubspot", "secrets": ["env:A"], "public_url": PUBLIC})

    scheme.verify(Request(headers=headers | JSON, query={"a": "1"}, body=b"{}"), [SECRET], NOW)


def test_the_end_of_a_body_cannot_be_passed_off_as_a_timestamp() -> None:
    digest = base64.b64encode(mac(SECRET.encode(), f"POST{PUBLIC}".encode() + b"{}00" + f"{NOW}000".encode())).decode()
    scheme = read_auth({"scheme": "hubspot", "secrets": ["env:A"], "public_url": PUBLIC})
    signed = REQUEST.with_headers({"x-hubspot-signature-v3": digest})

    scheme.verify(
        replace(signed.with_headers({"x-hubspot-request-timestamp": f"{NOW}000"}), body=b"{}00"), [SECRET], NOW
    )
    with pytest.raises(Unauthorized):
        scheme.verify(
            replace(signed.with_headers({"x-hubspot-request-timestamp": f"00{NOW}000"}), body=b"{}"), [SECRET], NOW
        )


@pytest.mark.parametrize("query", [{}, {"a": "1", "b": "2"}, {"a": "x y", "b": "(ü)"}])
def test_hubspots_library_accepts_what_sign_adds(query: dict[str, str]) -> None:
    scheme = read_auth({"scheme": "hubspot", "secrets": ["env:A"], "public_url": PUBLIC})
    # The library reads the clock.
    signed = scheme.sign(replace(changed(REQUEST, query=query), body=b"{}"), SECRET, time.time())
    url = PUBLIC + (f"?{urlencode(query, quote_via=quote)}" if query else "")

    assert Signature.is_valid(
        signed.headers["x-hubspot-signature-v3"],
        SECRET,
        "{}",
        http_uri=hubspots(url),
        signature_version="v3",
        timestamp=signed.headers["x-hubspot-request-timestamp"],
    )


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("https://h/p?a=1", "https://h:443/p?a=1"),
        ("https://h", "https://h:443"),
        ("https://h:443/p", "https://h:443/p"),
        ("https://h:8443/p", "https://h:8443/p"),
        ("http://h/p", "http://h/p"),
        ("https://[::1]/p", "https://[::1]:443/p"),
        ("https://[::1]:1/p", "https://[::1]:1/p"),
    ],
)
def test_the_default_port_is_spelled_out_for_https(url: str, spelled: str) -> None:
    assert with_default_port(url) == spelled


ADAPTER: TypeAdapter[str] = TypeAdapter(PublicUrl)


@pytest.mark.parametrize(
    "url", ["https://h", "http://h", "https://h/", "https://h:8443/a/b", "https://h/a%20b", "https://ü/"]
)
def test_a_public_url_has_scheme_and_host(url: str) -> None:
    assert ADAPTER.validate_python(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "//h",
        "ftp://h",
        "https://",
        "https:///p",
        "https://h/?",
        "https://h?a=1",
        "https://h/#a",
        "https://h/a b",
        "https://h\n",
        " https://h",
        "https://h/\n",
        "HTTPS://h",
    ],
)
def test_any_other_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(url)
