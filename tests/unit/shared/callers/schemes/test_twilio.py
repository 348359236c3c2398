from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from shared.callers.schemes.twilio import Plivo, Twilio
from shared.problems import Unauthorized
from shared.runtime.event import Request
from tests.builders import PAYLOAD
from tests.unit.shared.callers.schemes.references import (
    BY_NAME,
    FORM,
    FORM_BODY,
    JSON,
    JSON_BODY,
    changed,
    mac,
    without,
)
from tests.unit.shared.fakes import World

TOKEN = "12345"
VALIDATOR = RequestValidator(TOKEN)
PUBLIC = "https://hooks.example.com/twilio"


def accepts(
    request: Request, body: bytes, url: str, fields: dict[str, str] | None = None, public_url: str | None = PUBLIC
) -> bool:
    """Return whether a signature of Twilio's library over this URL and these fields is accepted."""
    signature = VALIDATOR.compute_signature(url, fields or {})
    scheme = Twilio(scheme="twilio", secrets=["env:A"], public_url=public_url)
    try:
        scheme.verify(replace(request.with_headers({"x-twilio-signature": signature}), body=body), [TOKEN], 0)
    except Unauthorized:
        return False
    return True


def form(**headers: str) -> Request:
    return Request(headers={"content-type": FORM, **headers})


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"a=1", {"a": "1"}),
        (b"b=2&a=1", {"a": "1", "b": "2"}),
        (b"B=2&a=1", {"B": "2", "a": "1"}),
        (b"a=", {"a": ""}),
        (b"a", {"a": ""}),
        (b"a=x+y%2Bz", {"a": "x y+z"}),
        (b"a=%C3%BC&%C3%BC=1", {"a": "ü", "ü": "1"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=%5c%5Cx&b=\\x41", {"a": "\\\\x", "b": "\\x41"}),
        (b"&".join(b"n%d=" % number for number in range(100)), {f"n{number}": "" for number in range(100)}),
        (b"a=" + b"x" * 20_478, {"a": "x" * 20_478}),
    ],
)
def test_the_fields_of_a_form_are_signed(body: bytes, fields: dict[str, str]) -> None:
    assert accepts(form(), body, PUBLIC, fields)
    assert not accepts(form(), body, PUBLIC, {**fields, "more": "1"})
    if fields:
        assert not accepts(form(), body, PUBLIC)


@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), f"{FORM}; charset=UTF-8", f" {FORM} ;x=y"])
def test_a_form_is_a_form_however_its_type_is_written(content_type: str) -> None:
    assert accepts(form(**{"content-type": content_type}), b"a=1", PUBLIC, {"a": "1"})


@pytest.mark.parametrize(
    "body", [b"a=\xff", b"a=%FF", b"%ED%A0%80=1", b"\x80", b"a=%", b"a=%4", b"%zz=1", b"a=%C3\xbc"]
)
def test_a_form_that_cannot_be_read_is_unauthorized(body: bytes) -> None:
    assert not accepts(form(), body, PUBLIC)
    # As a lenient reader has it.
    assert not accepts(form(), body, PUBLIC, dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))


@pytest.mark.parametrize(
    ("body", "signed"),
    [
        (b"a=1&a=1", {"a": "1"}),
        (b"a=1&a=2", {"a": "1", "a2": ""}),
        (b"=a1", {"a": "1"}),
        (b"a%261=", {"a": "&1"}),
        (b"a%3D=1", {"a": "=1"}),
        (b"a%3F=1", {"a": "?1"}),
        (b"&".join(b"n%d=" % number for number in range(101)), {f"n{number}": "" for number in range(101)}),
        (b"a=" + b"x" * 20_479, {"a": "x" * 20_479}),
    ],
    ids=range(8),
)
def test_a_form_that_twilio_does_not_send_is_unauthorized(body: bytes, signed: dict[str, str]) -> None:
    assert not accepts(form(), body, PUBLIC, signed)


def test_the_end_of_a_query_cannot_be_passed_off_as_a_field() -> None:
    for query, body in (
        ({"x": "1"}, b"%26DeviceId=%3Dd"),
        ({"x": ""}, b"1%26DeviceId%3D=d"),
        ({}, b"%3Fx=%3D1%26DeviceId%3Dd"),
    ):
        for raw in (None, urlencode(query)):
            request = changed(form(), query=query, raw_query=raw)
            assert not accepts(request, body, f"{PUBLIC}?x=1&DeviceId=d")


@pytest.mark.parametrize("query", ["JobId=j:1,2&x=(y)", "a=b@c%20d+e", "user%5Fid=x", "a=%c3%BC", "b=1&a"])
def test_where_the_query_is_at_hand_a_partly_escaped_url_passes(query: str) -> None:
    request = changed(form(), query=dict(parse_qsl(query, keep_blank_values=True)), raw_query=query)
    assert accepts(request, b"a=1", f"{PUBLIC}?{query}", {"a": "1"})
    assert accepts(request, b"a=1", f"https://hooks.example.com:443/twilio?{query}", {"a": "1"})
    assert not accepts(request, b"a=1", f"{PUBLIC}?{query.replace('=', '%3D', 1)}", {"a": "1"})


@pytest.mark.parametrize(
    ("signed", "public_url", "accepted"),
    [
        ("https://h.example/p", "https://h.example/p", True),
        ("https://h.example:443/p", "https://h.example/p", True),
        ("https://h.example:443/p", "https://h.example:443/p", True),
        ("https://h.example:8443/p", "https://h.example:8443/p", True),
        ("https://h.example:443/p", "https://h.example:8443/p", False),
        ("http://h.example/p", "http://h.example/p", True),
        ("http://h.example/p", "https://h.example/p", False),
        ("https://h.example:443", "https://h.example", True),
        ("https://[2001:db8::1]:443/p", "https://[2001:db8::1]/p", True),
        ("https://h.example:80/p", "https://h.example/p", False),
        ("https://h.example/p/", "https://h.example/p", False),
        ("https://H.example/p", "https://h.example/p", False),
    ],
)
@pytest.mark.parametrize("query", [{}, {"a": "1", "b": "2"}])
def test_the_port_may_be_spelled_out(signed: str, public_url: str, accepted: bool, query: dict[str, str]) -> None:  # noqa: FBT001 - a column
    tail = f"?{urlencode(query)}" if query else ""
    request = changed(form(), query=query)

    assert accepts(request, b"a=1", signed + tail, {"a": "1"}, public_url) is accepted


@pytest.mark.parametrize("host", ["hooks.example.com", "hooks.example.com:443", "hooks.example.com:8443"])
def test_without_a_public_url_host_and_path_count(host: str) -> None:
    request = changed(form(host=host), raw_path="/2020/tw%69lio/")

    assert accepts(request, b"", f"https://{host}/2020/tw%69lio/", public_url=None)
    assert not accepts(request, b"", f"https://{host}/2020/twilio/", public_url=None)
    assert not accepts(without(request, "host"), b"", f"https://{host}/2020/tw%69lio/", public_url=None)


def test_a_public_url_makes_host_and_path_irrelevant() -> None:
    assert accepts(changed(form(host="internal.example"), raw_path="/x"), b"", PUBLIC)
    assert accepts(form(), b"", PUBLIC)


@pytest.mark.parametrize("content_type", [JSON, "text/plain", "", f"{FORM},{JSON}", f"{FORM},{FORM}"])
def test_a_body_that_is_no_form_is_signed_by_its_hash(content_type: str) -> None:
    digest = hashlib.sha256(JSON_BODY).hexdigest()
    request = changed(form(**{"content-type": content_type}), query={"bodySHA256": digest})
    url = f"{PUBLIC}?bodySHA256={digest}"

    assert accepts(request, JSON_BODY, url)
    assert VALIDATOR.validate(url, JSON_BODY.decode(), VALIDATOR.compute_signature(url, {}))
    for body in (JSON_BODY + b" ", b"{}", b"\x00"):
        assert not accepts(request, body, url)


@pytest.mark.parametrize("digest", [None, "", "0" * 64, hashlib.sha256(b"{}").hexdigest(), "é", "x"])
def test_a_forged_body_is_unauthorized_with_a_valid_signature_of_the_url(digest: str | None) -> None:
    query = {} if digest is None else {"bodySHA256": digest}
    url = PUBLIC + (f"?bodySHA256={digest}" if query else "")
    request = Request(headers={"content-type": JSON}, query=query)

    assert not accepts(request, JSON_BODY, url)


def test_two_hashes_that_the_platform_has_joined_are_unauthorized() -> None:
    digest = hashlib.sha256(JSON_BODY).hexdigest()
    request = Request(headers={"content-type": JSON}, query={"bodySHA256": f"{digest},{digest}"})

    assert not accepts(request, JSON_BODY, f"{PUBLIC}?bodySHA256={digest},{digest}")


@pytest.mark.parametrize("body", [b"&", b"&&", b""])
def test_a_form_without_fields_is_no_way_around_the_hash(body: bytes, world: World) -> None:
    # The request was signed without a body; whoever adds an empty form adds no parameter.
    sender = BY_NAME["twilio"]
    world.write_callers(sender.toml())
    world.environ["ONE"] = sender.secrets[0]
    signed = sender.signed(body=b"")

    assert world.send(sender.event(signed, body)).code == "invalid_parameters"
    assert not world.call.calls


def test_a_form_that_is_cut_anew_has_the_key_of_the_first(world: World) -> None:
    # Twilio signs no borders: the channel could be made a part of what stands before it.
    sender = BY_NAME["twilio"]
    parameters = {"device_id": "'d'", "instance_id": "'ccc-test'", "job_id": "body.JobId", "user_id": "'a@b'"}
    expressions = "".join(f'{name} = "{expression}"\n' for name, expression in parameters.items())
    world.write_callers(
        f'{sender.toml()}[callers.twilio.parameters]\n{expressions}channel_id = "body.Channel"\n'
        '[callers.twilio.defaults]\nchannel_id = "own"\n'
    )
    world.environ["ONE"] = sender.secrets[0]
    signed = sender.signed(body=b"CallSid=CA1&Channel=c&JobId=j")

    assert world.send(sender.event(signed, b"CallSid=CA1&Channel=c&JobId=j")).status == 200
    assert world.send(sender.event(signed, b"CallSid=CA1Channelc&JobId=j")).code == "idempotency_key_reused"
    assert len(world.call.calls) == 1


@pytest.mark.parametrize("raw", [True, False])
def test_a_url_with_a_hash_cannot_be_cut_so_that_its_end_is_a_form(*, raw: bool) -> None:
    query = f"job=j12&bodySHA256={hashlib.sha256(JSON_BODY).hexdigest()}"
    for cut in range(1, len(query)):
        # The longest name that a field may have, and the shortest.
        rest = re.match(r"([^&=?#%]+)(.*)", query[cut:])
        for name, value in {(rest[1], rest[2]), (rest[1][0], rest[1][1:] + rest[2])} if rest else ():
            given = dict(parse_qsl(query[:cut], keep_blank_values=True))
            request = changed(form(), query=given, raw_query=query[:cut] if raw else None)
            assert not accepts(request, urlencode({name: value}).encode(), f"{PUBLIC}?{query}")


def test_what_is_signed_as_a_form_is_read_as_a_form() -> None:
    # The fields, sorted and without separators, are those of a form that holds the JSON in one of its texts.
    body = b'{"job_id":"evil","pad":"=From1&AccountSidAC1Body="}'
    request = changed(form(), body=body)
    for described in (
        Twilio(scheme="twilio", secrets=["env:A"], public_url=PUBLIC),
        Plivo(scheme="plivo", secrets=["env:A"], public_url=PUBLIC),
    ):
        signed = described.sign(request, TOKEN, 0)
        described.verify(signed, [TOKEN], 0)
        with pytest.raises(Unauthorized):
            described.verify(replace(signed, payload="json"), [TOKEN], 0)


def test_the_hash_is_no_parameter(world: World) -> None:
    sender = BY_NAME["twilio-json"]
    world.write_callers(sender.toml())
    world.environ["ONE"] = sender.secrets[0]

    assert world.send(sender.event(sender.signed())).status == 200


def test_a_request_without_a_body_is_signed_by_its_url(world: World) -> None:
    query = {key: value for key, value in PAYLOAD.items() if key != "UserId"}
    world.write_callers(BY_NAME["twilio"].toml())
    world.environ["ONE"] = TOKEN
    request = changed(BY_NAME["twilio"].request, method="GET", query=query)
    url = f"{PUBLIC}?{urlencode(query)}"
    request = request.with_headers({"x-twilio-signature": VALIDATOR.compute_signature(url, {})})

    # One parameter is missing: the signature was accepted.
    assert world.send(BY_NAME["twilio"].event(request, b"")).code == "invalid_parameters"


@pytest.mark.parametrize(
    "query", [{"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "ü b/c+d@e:f"}, {"a": "%"}, {"a b": ""}], ids=repr
)
def test_twilios_library_accepts_what_sign_adds(query: dict[str, str]) -> None:
    scheme = Twilio(scheme="twilio", secrets=["env:A"], public_url=PUBLIC)
    for content_type, body in ((FORM, FORM_BODY), (JSON, JSON_BODY), (JSON, b"")):
        signed = scheme.sign(Request(headers={"content-type": content_type}, query=query, body=body), TOKEN, 0)
        url = f"{PUBLIC}?{urlencode(signed.query, quote_via=quote)}"
        fields = dict(PAYLOAD) if content_type == FORM else body.decode() if body else {}

        assert VALIDATOR.validate(url, fields, signed.headers["x-twilio-signature"])
        scheme.verify(replace(signed, body=body), [TOKEN], 0)


# Plivo

ANSWER = "https://mycompany.com/answer"


@pytest.mark.parametrize(
    ("query", "signatures"),
    [
        ({"b": "2", "a": "x@y.z"}, "old,rAonayB+3W+2AE9yKpugvORrDPIcIoE76fId5FnQwAU="),
        ({}, "old,eAnfqqeoLbrdmhU/jJbxLrNJ/GUmFqzON4evf+4JbLc="),
    ],
)
def test_what_plivos_library_computes_is_accepted(query: dict[str, str], signatures: str) -> None:
    # plivo-python 4.59.5, `plivo.utils.signature_v3`.
    headers = {"x-plivo-signature-v3": signatures, "x-plivo-signature-v3-nonce": "05429567804466091622"}
    request = Request(headers={"content-type": FORM, **headers}, body=b"From=15550100100&CallUUID=u-1")
    plivo = Plivo(scheme="plivo", secrets=["env:A"], public_url=ANSWER)

    for raw in (None, urlencode(query)):
        sent = replace(request, query=query, raw_query=raw)
        key = plivo.verify(sent, ["another", TOKEN], 0)
        alone = plivo.sign(sent, TOKEN, 0)
        assert f"old,{alone.headers['x-plivo-signature-v3']}" == signatures
        assert plivo.verify(alone, [TOKEN], 0) == key
        for other in (
            replace(sent, body=b""),
            replace(sent, body=b"From=1"),
            changed(sent, query={"c": "3"}, raw_query=None),
        ):
            with pytest.raises(Unauthorized):
                plivo.verify(other, [TOKEN], 0)


@pytest.mark.parametrize(
    ("query", "body", "content_type", "content", "accepted"),
    [
        ({"a": "1"}, b"b=2", FORM, "?a=1.b2.7", True),
        ({"a": "1=2"}, b"", FORM, "?a=1=2.7", True),
        ({"a": "1&b=2"}, b"", FORM, "?a=1&b=2.7", False),
        ({"a=1&b": "2"}, b"", FORM, "?a=1&b=2.7", False),
        ({"a=1": "2"}, b"", FORM, "?a=1=2.7", False),
        ({"": "a"}, b"", FORM, "?=a.7", False),
        ({"a": "%ff"}, b"", FORM, "?a=%ff.7", False),
        ({}, b'{"a": 1}', JSON, ".7", False),
        ({}, b"a=1&a=2", FORM, "?a1a2.7", False),
        ({}, b"a%26=1", FORM, "?a&1.7", False),
        ({}, b"=1", FORM, "?1.7", False),
    ],
    ids=repr,
)
def test_what_plivo_does_not_send_is_unauthorized_however_well_it_is_signed(
    query: dict[str, str], body: bytes, content_type: str, content: str, *, accepted: bool
) -> None:
    assert (
        plivo_accepts(content, "7", Request(headers={"content-type": content_type}, query=query, body=body)) is accepted
    )


@pytest.mark.parametrize("nonce", ["", "u-1.7", "7\n", "\u0667"])
def test_a_nonce_has_letters_and_digits_alone(nonce: str) -> None:
    assert not plivo_accepts(f".{nonce}", nonce, Request())


def plivo_accepts(content: str, nonce: str, request: Request) -> bool:
    signature = base64.b64encode(mac(TOKEN.encode(), f"{ANSWER}{content}".encode())).decode()
    headers = {"x-plivo-signature-v3": signature, "x-plivo-signature-v3-nonce": nonce}
    try:
        Plivo(scheme="plivo", secrets=["env:A"], public_url=ANSWER).verify(request.with_headers(headers), [TOKEN], 0)
    except Unauthorized:
        return False
    return True
