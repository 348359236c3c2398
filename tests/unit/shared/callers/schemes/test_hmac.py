"""The generic scheme: every option against a signature made by hand."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.callers.schemes import Auth, Scheme
from shared.callers.schemes.places import body_without
from shared.payload.decode import decode_body
from shared.problems import MalformedRequest, Unauthorized
from shared.runtime.event import Request
from tests.unit.shared.callers.schemes.references import NOW, changed, mac

ADAPTER: TypeAdapter[Scheme] = TypeAdapter(Auth)
BODY = b'{"a": "\xc3\xbc"}'
SECRET = "secret"


def scheme(**auth: Any) -> Scheme:
    return ADAPTER.validate_python({"scheme": "hmac", "secrets": ["env:A"], "signature": "header.X-Sig", **auth})


def accepts(signature: str, content: Scheme | None = None, *, secret: str = SECRET, **headers: str) -> bool:
    request = Request(
        method="POST", raw_path="/p", headers={"host": "h", "x-sig": signature, **headers}, query={"a": "1"}
    )
    try:
        (content or scheme()).verify(replace(request, body=BODY), [secret], NOW)
    except Unauthorized:
        return False
    return True


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256=", "v0=", "é:"])
@pytest.mark.parametrize("key_encoding", ["utf8", "base64", "hex"])
def test_algorithm_encoding_prefix_and_key(algorithm: str, encoding: str, prefix: str, key_encoding: str) -> None:
    key = b"0123456789abcdef"
    secret = {"utf8": key.decode(), "base64": base64.b64encode(key).decode(), "hex": key.hex()}[key_encoding]
    digest = mac(key, BODY, algorithm)
    signature = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    described = scheme(algorithm=algorithm, encoding=encoding, prefix=prefix, key_encoding=key_encoding)

    assert accepts(prefix + signature, described, secret=secret)
    assert accepts(prefix + signature.upper(), described, secret=secret) is (encoding == "hex")
    assert not accepts("x" + prefix + signature, described, secret=secret)
    if prefix:
        assert not accepts(signature, described, secret=secret)
    signed = described.sign(Request(body=BODY), secret, NOW)
    assert signed.headers == {"x-sig": prefix + signature}


@pytest.mark.parametrize(
    ("template", "content"),
    [
        ("{body}", BODY),
        ("{timestamp}.{body}", f"{NOW}.".encode() + BODY),
        ("{body}:{timestamp}", BODY + f":{NOW}".encode()),
        ("{id}|{timestamp}|{body}", f"d-1|{NOW}|".encode() + BODY),
        ("{method}\n{url}\n{body}", b"POST\nhttps://h/p?a=1\n" + BODY),
        ("ü{body}", "ü".encode() + BODY),
        ("%s {body} \\1", b"%s " + BODY + b" \\1"),
    ],
)
def test_the_content_is_a_template(template: str, content: bytes) -> None:
    options = {
        **({"timestamp": "header.X-Time"} if "{timestamp}" in template else {}),
        **({"id": "header.X-Id"} if "{id}" in template else {}),
    }
    described = scheme(content=template, **options)
    headers = {"x-time": str(NOW), "x-id": "d-1"}

    assert accepts(mac(SECRET.encode(), content).hex(), described, **headers)
    assert not accepts(mac(SECRET.encode(), BODY).hex(), described, **headers) or template == "{body}"


def test_what_the_headers_say_is_no_template() -> None:
    described = scheme(content="{id}.{body}", id="header.X-Id")

    assert accepts(mac(SECRET.encode(), b"{body}." + BODY).hex(), described, **{"x-id": "{body}"})


def test_a_url_is_signed_as_the_sender_knows_it() -> None:
    described = scheme(content="{url} {body}", public_url="https://public.example/x")

    assert accepts(mac(SECRET.encode(), b"https://public.example/x?a=1 " + BODY).hex(), described)
    assert not accepts(mac(SECRET.encode(), b"https://h/p?a=1 " + BODY).hex(), described)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1000)])
def test_the_timestamp_has_a_unit_and_a_window(unit: str, factor: int) -> None:
    described = scheme(
        content="{timestamp}{body}", timestamp="header.X-Time", timestamp_format=unit, tolerance_seconds=60
    )
    for away, accepted in ((0, True), (60, True), (-60, True), (61, False), (-61, False)):
        stamp = str((NOW + away) * factor)
        signature = mac(SECRET.encode(), stamp.encode() + BODY).hex()
        assert accepts(signature, described, **{"x-time": stamp}) is accepted
    assert described.sign(Request(body=BODY), SECRET, NOW + 0.5).headers["x-time"] == str(int((NOW + 0.5) * factor))


@pytest.mark.parametrize("value", ["", ",", "d-1,d-1", "d-1,"])
def test_an_id_is_one(value: str) -> None:
    described = scheme(content="{id}.{body}", id="header.X-Id")

    signature = mac(SECRET.encode(), f"{value}.".encode() + BODY).hex()
    assert not accepts(signature, described, **{"x-id": value})


@pytest.mark.parametrize(
    ("template", "signed", "value", "body", "accepted"),
    [
        ("{id}.{body}", "d-1.a=b.c=1", "d-1", b"a=b.c=1", True),
        ("{id}.{body}", "d-1.a=b.c=1", "d-1.a=b", b"c=1", False),
        ("{body}.{id}", "a=b.c=1.d-1", "d-1", b"a=b.c=1", True),
        ("{body}.{id}", "a=b.c=1.d-1", "c=1.d-1", b"a=b", False),
        ("{id}..{body}", "d-1...a=1", "d-1", b".a=1", True),
        ("{id}..{body}", "d-1...a=1", "d-1.", b"a=1", False),
    ],
)
def test_the_border_of_an_id_cannot_be_moved(
    template: str,
    signed: str,
    value: str,
    body: bytes,
    accepted: bool,  # noqa: FBT001 - a column
) -> None:
    described = scheme(content=template, id="header.X-Id")
    request = Request(headers={"x-sig": mac(SECRET.encode(), signed.encode()).hex(), "x-id": value})

    if accepted:
        assert described.verify(replace(request, body=body), [SECRET], NOW).delivery == value
        return
    with pytest.raises(Unauthorized):
        described.verify(replace(request, body=body), [SECRET], NOW)


@pytest.mark.parametrize(
    ("template", "body", "accepted"),
    [
        ("{url}{body}", b"a=1", False),
        ("{url}{body}", b"[1]", False),
        ("{url}{body}", b"{}", True),
        ("{url}{body}", b"", True),
        ("{url}.{body}", b"a=1", False),
        ("{url}.{body}", b"{}", True),
        ("{body}|{url}", b"a=1", False),
        ("{body}|{url}", b"{a=1", False),
        ("{body}|{url}", b"{}", True),
        ("{body} {url}", b"a=1", True),
        ("{url}\n{body}", b"a=1", True),
        ("{url} {body}", b"a=1", True),
        ("{url}.{timestamp}.{body}", b"a=1", False),
        ("{id}{body}", b"1", False),
        ("{id}{body}", b"{}", True),
        ("{header.x-nonce}{body}", b"{}", True),
        ("{id}{timestamp}{body}", b"1", False),
    ],
)
def test_what_touches_a_body_cannot_lend_it_its_end(template: str, body: bytes, accepted: bool) -> None:  # noqa: FBT001 - a column
    options = {"timestamp": "header.X-Time", "id": "header.X-Id"}
    described = scheme(content=template, **{key: place for key, place in options.items() if f"{{{key}}}" in template})
    headers = {"host": "h", "x-time": str(NOW), "x-id": "d-1", "x-nonce": "n"}
    request = Request(raw_path="/p", headers=headers, query={"a": "1"}, body=body)
    values = {"url": "https://h/p?a=1", "timestamp": NOW, "id": "d-1"}
    content = template.replace("{header.x-nonce}", "n").replace("{body}", "\0").format(**values).encode()
    signed = request.with_headers({"x-sig": mac(SECRET.encode(), content.replace(b"\0", body)).hex()})

    assert verifies(described, signed) is accepted


@pytest.mark.parametrize("change", [{"raw_path": "/p{}"}, {"headers": {"x-id": "d-1{"}}])
def test_a_brace_in_front_of_a_glued_body_is_refused(change: dict[str, Any]) -> None:
    for template in ("{url}{body}", "{id}{body}"):
        described = scheme(content=template, **({"id": "header.X-Id"} if "{id}" in template else {}))
        request = changed(Request(raw_path="/p", headers={"host": "h", "x-id": "d-1"}), **change)
        content = template.format(url=f"https://h{request.raw_path}", id=request.headers["x-id"], body="{}")
        touched = ("url" in template) == ("raw_path" in change)

        signed = request.with_headers({"x-sig": mac(SECRET.encode(), content.encode()).hex()})
        assert verifies(described, replace(signed, body=b"{}")) is not touched


def test_the_end_of_a_body_cannot_be_passed_off_as_a_url() -> None:
    # A form may begin like JSON.
    described = scheme(content="{body}|{url}", public_url="https://h/p")
    body, query = b"{a=1&b=2", "x=|https://h/p"
    signature = mac(SECRET.encode(), body + f"|https://h/p?{query}".encode()).hex()
    request = Request(headers={"x-sig": signature}, query={"x": "|https://h/p"}, raw_query=query, body=body)
    assert not verifies(described, request)
    assert not verifies(described, replace(request, body=body + b"|https://h/p?x=", query={}, raw_query=""))


def verifies(described: Scheme, request: Request) -> bool:
    try:
        described.verify(request, [SECRET], NOW)
    except Unauthorized:
        return False
    return True


def test_what_content_names_has_to_be_there() -> None:
    described = scheme(content="{header.x-nonce}:{query.n}:{body}")
    signed = described.sign(Request(headers={"x-nonce": "a"}, query={"n": "1"}, body=BODY), SECRET, NOW)

    assert verifies(described, signed)
    for change in ({"headers": {"x-nonce": ""}}, {"query": {"n": ""}}, {"headers": {"x-nonce": "a:1"}}):
        assert not verifies(described, changed(signed, **change))
    assert not verifies(described, replace(signed, query={}))


def test_values_may_stand_in_the_body_or_in_the_signatures_own_header() -> None:
    described = scheme(
        signature="body.sig.mac",
        timestamp="body.sig.at",
        id='body.sig."to.ken"',
        content="{timestamp}{id}",
        covers_body=False,
    )
    signed = described.sign(Request(headers={"content-type": "application/json"}, body=b'{"a": 1}'), SECRET, NOW)

    assert json.loads(signed.body).keys() == {"a", "sig"}
    assert described.verify(signed, [SECRET], NOW).delivery == json.loads(signed.body)["sig"]["to.ken"]
    for bent in (b"", b"{", b"[]", signed.body.replace(b'"mac": "', b'"mac": "x'), signed.body + b"}", b'{"sig": 1}'):
        assert not verifies(described, replace(signed, body=bent))
    as_number = signed.body.replace(f'"{NOW}"'.encode(), str(NOW).encode())
    assert verifies(described, replace(signed, body=as_number))


def test_a_value_is_written_into_the_body_as_its_caller_has_it_decoded() -> None:
    described = scheme(signature="body.mac", timestamp="body.at", content="{timestamp}", covers_body=False)

    for payload, body in (("form", b"a=1&a=2"), ("json", b'{"a": ["1", "2"]}')):
        request = Request(headers={"content-type": "text/plain"}, payload=payload, body=body)  # type: ignore[arg-type]
        signed = described.sign(request, SECRET, NOW)
        assert verifies(described, signed)
        assert not verifies(described, replace(signed, payload="auto"))
        rest = replace(signed, body=body_without(signed, ("mac",)))
        assert body_without(rest, ("at",)) == body.removeprefix(b"&")


@pytest.mark.parametrize("padding", ["", "="])
def test_base64url_may_lack_its_padding(padding: str) -> None:
    described = scheme(encoding="base64url")
    digest = base64.urlsafe_b64encode(mac(SECRET.encode(), BODY)).decode().rstrip("=")

    assert accepts(digest + padding, described)
    assert not accepts(digest + "==", described)


def test_a_digest_of_secret_and_body_cannot_be_lengthened() -> None:
    """What an attacker can append to a hashed content begins with the hash's own padding, which is no JSON."""
    described = scheme(scheme="hash", content="{secret}{body}")
    body = b'{"JobId": "j"}'
    bits = (len(SECRET) + len(body)) * 8
    glue = b"\x80" + b"\0" * ((55 - len(SECRET) - len(body)) % 64) + bits.to_bytes(8, "big")

    assert verifies(described, described.sign(Request(body=body), SECRET, NOW))
    with pytest.raises(MalformedRequest):
        decode_body(body + glue + b'{"JobId": "other"}', {"content-type": "application/json"})
    with pytest.raises(MalformedRequest):
        decode_body(b"a=1" + glue + b"&a=2", {"content-type": "application/x-www-form-urlencoded"})


@pytest.mark.parametrize("content", ["{id}.{timestamp}.{body}", "{id}.{method}.{body}", "{id}{timestamp}.{body}"])
def test_a_body_that_holds_borders_cannot_be_cut_anew(content: str) -> None:
    """One delivery was seen, whose free text holds what separates its parts: its end is sent as a form."""
    has_time = "{timestamp}" in content
    described = scheme(content=content, id="header.X-Id", **({"timestamp": "header.X-Time"} if has_time else {}))
    middle = content.partition("{id}")[2].partition("{body}")[0].format(timestamp=NOW, method="POST")
    head, tail = '{"note":"hi', 'JobId=job-evil&DeviceId="}'
    seen = described.sign(Request(headers={"x-id": "msg1"}, body=f"{head}{middle}{tail}".encode()), SECRET, NOW)

    bent = replace(seen.with_headers({"x-id": f"msg1{middle}{head}"}), body=tail.encode())

    assert verifies(described, seen)
    assert not verifies(described, bent)


def test_sign_invents_an_id_where_there_is_none() -> None:
    described = scheme(content="{id}.{body}", id="header.X-Id")

    one, two = (described.sign(Request(body=BODY), SECRET, NOW).headers["x-id"] for _ in range(2))

    assert one != two
    assert described.sign(Request(headers={"x-id": "mine"}, body=BODY), SECRET, NOW).headers["x-id"] == "mine"


@pytest.mark.parametrize(
    ("encoding", "secret", "usable"),
    [
        ("utf8", "x", True),
        ("utf8", "ü", True),
        ("utf8", "ü ", False),
        ("utf8", "one\n", False),
        ("utf8", "", False),
        ("base64", "eA==", True),
        ("base64", "eA", True),
        ("base64", "", False),
        ("base64", "====", False),
        ("base64", "e", False),
        ("base64", "e A=", False),
        ("base64", "eA==\n", False),
        ("base64", "_-8=", False),
        ("base64", "ü", False),
        ("hex", "0f", True),
        ("hex", "0F", True),
        ("hex", "0", False),
        ("hex", "0f 0f", False),
        ("hex", "0f\n", False),
        ("hex", "0g", False),
        ("hex", "\u0660\u0660", False),
        ("hex", "", False),
    ],
)
def test_a_secret_is_usable_if_it_holds_a_key(encoding: str, secret: str, usable: bool) -> None:  # noqa: FBT001 - a column
    is_trimmed = secret == secret.strip()
    assert (is_trimmed and scheme(key_encoding=encoding).fault_of_secret(secret) is None) is usable


@pytest.mark.parametrize(
    "options",
    [
        {"content": ""},
        {"content": "{timestamp}", "timestamp": "header.X-Time"},
        {"content": "{url}"},
        {"content": "{body}{timestamp}"},
        {"content": "{body}{id}"},
        {"timestamp": "header.X-Time"},
        {"id": "header.X-Id"},
        {"content": "{body}{other}"},
        {"content": "{body}{"},
        {"content": "{body}}"},
        {"content": "{{body}}"},
        {"content": "{BODY}{body}"},
        {"content": "{body}{timestamp}{}", "timestamp": "header.X-Time"},
        {"tolerance_seconds": 300},
        {"timestamp_format": "ms"},
        {"public_url": "https://h/"},
        {"content": "{body}{url}", "public_url": "h"},
        {"content": "{url}{body}", "public_url": "https://h/{x}"},
        {"content": "{body}.{url}", "public_url": "https://h/}"},
        {"content": "{url} {body}", "public_url": "https://h/\x00"},
        {"content": "{header.a}{method}POST{header.b} {body}"},
        {"content": "{header.a}{timestamp}{method}-1{header.b} {body}", "timestamp": "header.X-Time"},
        {"content": "{body}Z-{timestamp}{header.b}", "timestamp": "header.X-Time", "timestamp_format": "iso8601"},
        {"content": "{body}{timestamp}", "timestamp": "header.X-Time", "tolerance_seconds": 0},
        {"content": "{body}{timestamp}", "timestamp": "header.X-Time", "tolerance_seconds": "300"},
        {"content": "{body}{timestamp}", "timestamp": "header.X-Time", "tolerance_seconds": 86_401},
        {"content": "{body}{timestamp}", "timestamp": "header.X-Time", "tolerance_seconds": True},
        {"content": "{body}{timestamp}", "timestamp": ""},
        {"content": "{body}{id}", "id": "header.X-Id"},
        {"content": "{url}{id} {body}", "id": "header.X-Id"},
        {"content": "{id} {body}", "id": "header.X-SIG"},
        {"content": "{timestamp}{body}", "timestamp": "header.x-sig"},
        {"algorithm": "md5"},
        {"algorithm": "SHA256"},
        {"encoding": "base32"},
        {"key_encoding": "ascii"},
        {"signature": ""},
        {"signature": "X-Sig"},
        {"signature": "header.X Sig"},
        {"signature": "header.X-Sig:"},
        {"signature": "header.X-S\u00efg"},
        {"signature": "header.X-Sig\n"},
        {"signature": None},
        {"signature": "body.sig"},
        {"signature": "part.v"},
        {"signature": 'body."a'},
        {"timestamp": "part.t", "content": "{timestamp}{body}"},
        {"separator": ",,"},
        {"covers_body": False},
        {"content": "{method}", "covers_body": True},
        {"content": "{id}", "id": "header.X-Sig", "covers_body": False},
        {"content": "{header.x-sig}.{body}"},
        {"content": "{header.X Y}.{body}"},
        {"content": '{query."a"}.{query.a}.{body}'},
        {"content": "{header.a}{query.b} {body}"},
        {"content": "{body}{header.a}"},
        {"content": "{id}{method}{header.a} {body}", "id": "header.X-Id"},
        {"content": "{id}{timestamp}{header.a}.{body}", "id": "header.X-Id", "timestamp": "header.X-Time"},
        {"content": "{timestamp}.{id} {body}", "timestamp": "body.a.b", "id": "body.a"},
        {"content": "{timestamp} {body}", "timestamp": "header.X-SIG"},
        {"signature": "body.a", "content": "{id}", "id": "body.a.b", "covers_body": False},
        {"signature": "query.sig", "content": "{url} {body}"},
        {"scheme": "hash", "signature": "query.sig", "content": "{url}{secret}", "covers_body": False},
        {"content": "constant", "covers_body": False},
        {"content": "{secret}", "covers_body": False},
        {"content": "{method}:{secret}", "covers_body": False},
        {"scheme": "hash", "content": "app{secret}", "covers_body": False},
        {"separator": "=", "timestamp": "part.t", "content": "{timestamp}.{body}"},
        {"separator": "=", "encoding": "base64"},
        {"separator": "/", "encoding": "base64"},
        {"separator": "-", "encoding": "base64url"},
        {"separator": "a"},
        {"separator": ",", "prefix": "v1,"},
        {"separator": ",", "prefix": " v1="},
        {"separator": ",", "prefix": "t=", "timestamp": "part.t", "content": "{timestamp}.{body}"},
        {"separator": ",", "prefix": "t=v1", "timestamp": "part.t", "content": "{timestamp}.{body}"},
        {"separator": ",", "prefix": "i=", "id": "part.i", "content": "{id}.{body}"},
        {"separator": ",", "timestamp": "part.a,b", "content": "{timestamp}.{body}"},
        {"separator": ",", "timestamp": "part.t=", "content": "{timestamp}.{body}"},
        {"separator": ",", "timestamp": "part. t", "content": "{timestamp}.{body}"},
        {"separator": ":", "timestamp": "part.t", "timestamp_format": "iso8601", "content": "{timestamp}.{body}"},
        {"scheme": "hash"},
        {"scheme": "hash", "content": "{body}{secret}", "key_encoding": "hex"},
        {"prefix": 1},
        {"layout": "pairs"},
        {"secrets": []},
        {"secrets": None},
    ],
    ids=repr,
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        scheme(**options)


@pytest.mark.parametrize(
    "options",
    [
        # A digest of what only the sender knows and the time: a robot of DingTalk's.
        {"content": "{timestamp}\n{secret}", "timestamp": "header.X-Time", "covers_body": False},
        {"content": "{header.x-nonce}", "covers_body": False},
        {"content": "{url}", "covers_body": False},
        {"content": "{url} {body}", "public_url": "https://h/{x}"},
        {"content": "{timestamp}{method}/V1/{body}", "timestamp": "header.X-Time"},
        # What is signed may stand where it is signed once more.
        {"content": "{id}.{timestamp}.{body}", "id": "body.id", "timestamp": "body.time"},
        {"content": "{timestamp} {url}", "timestamp": "query.t", "covers_body": False},
        {"content": "{timestamp}.{id}.{body}", "timestamp": "body.a.b", "id": "body.a.c"},
        {"content": "{timestamp}.{id}.{body}", "timestamp": "body.a.b", "id": "body.ab"},
        {"separator": "=", "prefix": "sha256"},
        {"separator": " ", "prefix": "v1,", "encoding": "base64"},
        {"separator": ",", "prefix": "t", "timestamp": "part.t", "content": "{timestamp}.{body}"},
        {"separator": ",", "prefix": "tt=", "timestamp": "part.t", "content": "{timestamp}.{body}"},
        {"separator": ",", "timestamp": "part.t", "timestamp_format": "iso8601", "content": "{timestamp}.{body}"},
    ],
    ids=repr,
)
def test_what_is_merely_odd_is_taken_and_passes(options: dict[str, Any]) -> None:
    described = scheme(**options)
    headers = {"host": "h", "content-type": "application/json"}
    request = Request(method="POST", raw_path="/p", headers=headers, query={"a": "1"}, body=b'{"a": {}}')

    described.verify(described.sign(request, SECRET, NOW), [SECRET], NOW)


def test_the_header_has_to_be_named() -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({"scheme": "hmac", "secrets": ["env:A"]})
