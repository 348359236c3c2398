"""The generic scheme: every option against a signature made by hand."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.callers.schemes import Auth, Scheme
from shared.problems import Unauthorized
from shared.runtime.event import Request
from tests.unit.shared.callers.schemes.references import NOW, mac

ADAPTER: TypeAdapter[Scheme] = TypeAdapter(Auth)
BODY = b'{"a": "\xc3\xbc"}'
SECRET = "secret"


def scheme(**auth: Any) -> Scheme:
    return ADAPTER.validate_python({"scheme": "hmac", "secrets": ["env:A"], "header": "X-Sig", **auth})


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
        ("{body}{body}", BODY * 2),
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
        **({"timestamp_header": "X-Time"} if "{timestamp}" in template else {}),
        **({"id_header": "X-Id"} if "{id}" in template else {}),
    }
    described = scheme(content=template, **options)
    headers = {"x-time": str(NOW), "x-id": "d-1"}

    assert accepts(mac(SECRET.encode(), content).hex(), described, **headers)
    assert not accepts(mac(SECRET.encode(), BODY).hex(), described, **headers) or template == "{body}"


def test_what_the_headers_say_is_no_template() -> None:
    described = scheme(content="{id}.{body}", id_header="X-Id")

    assert accepts(mac(SECRET.encode(), b"{body}." + BODY).hex(), described, **{"x-id": "{body}"})


def test_a_url_is_signed_as_the_sender_knows_it() -> None:
    described = scheme(content="{url} {body}", public_url="https://public.example/x")

    assert accepts(mac(SECRET.encode(), b"https://public.example/x?a=1 " + BODY).hex(), described)
    assert not accepts(mac(SECRET.encode(), b"https://h/p?a=1 " + BODY).hex(), described)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1000)])
def test_the_timestamp_has_a_unit_and_a_window(unit: str, factor: int) -> None:
    described = scheme(
        content="{timestamp}{body}", timestamp_header="X-Time", timestamp_unit=unit, tolerance_seconds=60
    )
    for away, accepted in ((0, True), (60, True), (-60, True), (61, False), (-61, False)):
        stamp = str((NOW + away) * factor)
        signature = mac(SECRET.encode(), stamp.encode() + BODY).hex()
        assert accepts(signature, described, **{"x-time": stamp}) is accepted
    assert described.sign(Request(body=BODY), SECRET, NOW + 0.5).headers["x-time"] == str(int((NOW + 0.5) * factor))


@pytest.mark.parametrize("value", ["", ",", "d-1,d-1", "d-1,"])
def test_an_id_is_one(value: str) -> None:
    described = scheme(content="{id}.{body}", id_header="X-Id")

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
    described = scheme(content=template, id_header="X-Id")
    request = Request(headers={"x-sig": mac(SECRET.encode(), signed.encode()).hex(), "x-id": value})

    if accepted:
        assert described.verify(replace(request, body=body), [SECRET], NOW) == value
        return
    with pytest.raises(Unauthorized):
        described.verify(replace(request, body=body), [SECRET], NOW)


@pytest.mark.parametrize(
    ("template", "content_type", "accepted"),
    [
        ("{url}{body}", "application/x-www-form-urlencoded", False),
        ("{url}{body}", "application/json", True),
        ("{url}.{body}", "application/x-www-form-urlencoded", False),
        ("{url}.{body}", "application/json", True),
        ("{body}|{url}", "text/plain", False),
        ("{url}\n{body}", "application/x-www-form-urlencoded", True),
        ("{url} {body}", "application/x-www-form-urlencoded", True),
        ("{url}.{timestamp}.{body}", "application/x-www-form-urlencoded", True),
    ],
)
def test_url_and_body_have_a_border_that_no_url_holds(template: str, content_type: str, accepted: bool) -> None:  # noqa: FBT001 - a column
    described = scheme(content=template, **({"timestamp_header": "X-Time"} if "{timestamp}" in template else {}))
    content = template.format(url="https://h/p?a=1", timestamp=NOW, body="{body}").encode().replace(b"{body}", BODY)

    signature = mac(SECRET.encode(), content).hex()
    assert accepts(signature, described, **{"content-type": content_type, "x-time": str(NOW)}) is accepted


def test_sign_invents_an_id_where_there_is_none() -> None:
    described = scheme(content="{id}.{body}", id_header="X-Id")

    one, two = (described.sign(Request(body=BODY), SECRET, NOW).headers["x-id"] for _ in range(2))

    assert one != two
    assert described.sign(Request(headers={"x-id": "mine"}, body=BODY), SECRET, NOW).headers["x-id"] == "mine"


@pytest.mark.parametrize("signature", ["AB" * 32, "Ab" * 32, "", "0x"])
def test_a_hexadecimal_signature_is_compared_as_text(signature: str) -> None:
    assert not accepts(signature)


def test_a_signature_in_mixed_case_is_none() -> None:
    digest = mac(SECRET.encode(), BODY).hex()

    assert accepts(digest.upper())
    assert not accepts(digest[:32].upper() + digest[32:])


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
    assert scheme(key_encoding=encoding).is_usable(secret) is usable


@pytest.mark.parametrize(
    "options",
    [
        {"content": ""},
        {"content": "{timestamp}", "timestamp_header": "X-Time"},
        {"content": "{url}"},
        {"content": "{body}{timestamp}"},
        {"content": "{body}{id}"},
        {"timestamp_header": "X-Time"},
        {"id_header": "X-Id"},
        {"content": "{body}{other}"},
        {"content": "{body}{"},
        {"content": "{body}}"},
        {"content": "{{body}}"},
        {"content": "{BODY}{body}"},
        {"content": "{body}{timestamp}{}", "timestamp_header": "X-Time"},
        {"tolerance_seconds": 300},
        {"timestamp_unit": "ms"},
        {"public_url": "https://h/"},
        {"content": "{body}{url}", "public_url": "h"},
        {"content": "{body}{timestamp}", "timestamp_header": "X-Time", "timestamp_unit": "iso8601"},
        {"content": "{body}{timestamp}", "timestamp_header": "X-Time", "tolerance_seconds": 0},
        {"content": "{body}{timestamp}", "timestamp_header": "X-Time", "tolerance_seconds": "300"},
        {"content": "{body}{timestamp}", "timestamp_header": "X-Time", "tolerance_seconds": 86_401},
        {"content": "{body}{timestamp}", "timestamp_header": "X-Time", "tolerance_seconds": True},
        {"content": "{body}{timestamp}", "timestamp_header": ""},
        {"content": "{id}{body}", "id_header": "X-Id"},
        {"content": "{body}{id}", "id_header": "X-Id"},
        {"content": "{url}{id} {body}", "id_header": "X-Id"},
        {"content": "{id} {body}", "id_header": "X-SIG"},
        {"content": "{timestamp}{body}", "timestamp_header": "x-sig"},
        {"algorithm": "md5"},
        {"algorithm": "SHA256"},
        {"encoding": "base64url"},
        {"key_encoding": "ascii"},
        {"header": ""},
        {"header": "X Sig"},
        {"header": "X-Sig:"},
        {"header": "X-S\u00efg"},
        {"header": "X-Sig\n"},
        {"header": None},
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


def test_the_header_has_to_be_named() -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({"scheme": "hmac", "secrets": ["env:A"]})
