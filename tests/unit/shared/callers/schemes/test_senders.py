"""Every scheme against its sender's own library: what it signs is accepted, and what anybody bends is not."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from slack_sdk.signature import SignatureVerifier

from local.bench import strangers
from shared.callers.file import load_callers
from shared.callers.schemes import SCHEMES, Auth, Scheme, tokens
from shared.problems import Unauthorized
from shared.runtime.event import Request
from tests.builders import PAYLOAD
from tests.unit.shared.callers.schemes.references import (
    BY_NAME,
    FORM,
    HOST,
    JSON,
    JSON_BODY,
    NOW,
    SENDERS,
    TIMESTAMPED,
    Sender,
    changed,
    library,
    seconds,
    without,
)
from tests.unit.shared.fakes import NOW as CLOCK
from tests.unit.shared.fakes import World

ADAPTER: TypeAdapter[Scheme] = TypeAdapter(Auth)
TOLERANCE = 300

each_sender = pytest.mark.parametrize("sender", SENDERS, ids=str)
each_timestamped = pytest.mark.parametrize("sender", TIMESTAMPED, ids=str)


def scheme_of(sender: Sender, **auth: Any) -> Scheme:
    return ADAPTER.validate_python({**sender.auth, "secrets": ["env:ONE"], **auth})


def accepts(sender: Sender, request: Request, *, body: bytes | None = None, now: float = NOW, **auth: Any) -> bool:
    """Return whether the scheme accepts a request with the sender's first secret; nothing else may come of it."""
    try:
        scheme_of(sender, **auth).verify(
            replace(request, body=sender.body if body is None else body), sender.secrets[:1], now
        )
    except Unauthorized:
        return False
    return True


@pytest.fixture
def sent(world: World) -> Callable[..., Any]:
    """Return a function that sends what a sender has signed, and returns code or status of the answer."""

    def send(sender: Sender, request: Request, body: bytes | None = None) -> Any:
        reply = world.send(sender.event(request, body))
        return reply.code or reply.status

    return send


def test_every_scheme_with_a_secret_has_its_sender() -> None:
    assert {sender.auth["scheme"] for sender in SENDERS} == set(SCHEMES) - {"ram", "none", "mailgun"}


# Accepted


@each_sender
def test_any_bytes_may_be_signed_where_the_library_takes_them(sender: Sender) -> None:
    glued = sender.name in ("hubspot", "square", "twitch")
    for body in (b"", b"" if glued else b"a=\xc3\xbc&b=%00&c=", '{"text": "ü \U0001f600"}'.encode()):
        assert accepts(sender, sender.signed(body=body), body=body)


@each_sender
def test_what_sign_adds_verify_accepts(sender: Sender) -> None:
    scheme = scheme_of(sender)

    for secret in sender.secrets:
        for body in (sender.body, b""):
            signed = scheme.sign(replace(sender.request, body=body), secret, NOW + 0.5)
            scheme.verify(replace(signed, body=body), [secret], NOW)
            with pytest.raises(Unauthorized):
                scheme.verify(replace(signed, body=body), ["another-" + secret], NOW)


@each_sender
def test_sign_adds_the_very_credential_of_the_library(sender: Sender) -> None:
    identifiers = {name: value for name, value in sender.credential().items() if name.endswith(("-id", "-nonce"))}
    before = sender.request.with_headers(identifiers).with_query(dict.fromkeys(sender.signed().query, "0f5ade"))
    before = replace(before, query=sender.request.query if sender.name != "jiandaoyun" else before.query)

    signed = scheme_of(sender).sign(replace(before, body=sender.body), sender.secrets[0], NOW)

    expected = sender.signed()
    if sender.name == "workos":
        # The vendor writes a space behind the comma.
        assert signed.headers["workos-signature"] == expected.headers["workos-signature"].replace(" ", "")
    elif sender.name == "monday":
        # The vendor leaves the word out.
        assert signed.headers["authorization"] == f"Bearer {expected.headers['authorization']}"
    elif sender.name != "svix":
        assert replace(signed, body=b"") == replace(expected, body=b"")
    else:
        assert signed.headers.keys() == BY_NAME["standard-webhooks"].signed().headers.keys() | {"svix-id"}


def test_the_libraries_accept_what_sign_adds() -> None:
    # Most of them read the clock.
    now = time.time()

    def signed(name: str) -> dict[str, str]:
        sender = BY_NAME[name]
        return dict(scheme_of(sender).sign(replace(sender.request, body=JSON_BODY), sender.secrets[0], now).headers)

    key = BY_NAME["stripe"].secrets[0]
    for name in ("standardwebhooks", "svix.webhooks"):
        library(name).Webhook(key).verify(JSON_BODY, signed("standard-webhooks"))
    header = signed("stripe")["stripe-signature"]
    assert library("stripe").WebhookSignature.verify_header(JSON_BODY, header, key, TOLERANCE)
    assert SignatureVerifier("one").is_valid_request(JSON_BODY, signed("slack"))


def test_both_sets_of_header_names_are_taken_but_not_mixed() -> None:
    standard, svix_ = BY_NAME["standard-webhooks"], BY_NAME["svix"]
    wrong = {name: "v1,AAAA" if name.endswith("signature") else "1" for name in standard.credential()}

    # Senders that change over send both, with the same id and time; Standard Webhooks' own come first.
    both = {name.replace("webhook", "svix"): value for name, value in standard.credential().items()}
    assert accepts(standard, standard.signed().with_headers(both))
    assert accepts(standard, standard.signed().with_headers({**both, "svix-signature": "v1,AAAA"}))
    # An expression could read what is not signed.
    for name in ("id", "timestamp"):
        assert not accepts(standard, standard.signed().with_headers({**both, f"svix-{name}": "1"}))
        assert not accepts(svix_, svix_.signed().with_headers({f"webhook-{name}": "1"}))
    assert not accepts(svix_, svix_.signed().with_headers(wrong))
    for name in ("id", "timestamp"):
        mixed = without(standard.signed(), f"webhook-{name}")
        assert not accepts(standard, mixed.with_headers(svix_.credential()))
    only = without(svix_.signed(), "svix-signature").with_headers(
        {"webhook-signature": svix_.credential()["svix-signature"]}
    )
    assert not accepts(svix_, only)


@pytest.mark.parametrize("name", ["standard-webhooks", "svix"])
@pytest.mark.parametrize(
    ("template", "accepted"),
    [
        ("{0} {1}", True),
        ("{1} {0}", True),
        ("v1a,AAAA {0}", True),
        ("v0,AAAA {0} v9,é", True),
        ("{0} garbage", True),
        ("{0}  {1}", True),
        ("v1, {0}", True),
        ("{1}", False),
        ("{1} {1}", False),
        ("v1a{0}", False),
        ("V{0}", False),
        ("{0},{0}", False),
        ("{0},", False),
        ("v1", False),
        ("v1,", False),
        ("v1a,AAAA", False),
        ("", False),
    ],
)
def test_a_list_of_signatures_needs_one_that_matches(name: str, template: str, accepted: bool) -> None:  # noqa: FBT001 - a column
    sender = BY_NAME[name]
    header = next(header for header in sender.credential() if header.endswith("signature"))
    right, wrong = sender.credential()[header], sender.signed(sender.secrets[1]).headers[header]

    assert accepts(sender, sender.signed().with_headers({header: template.format(right, wrong)})) is accepted


def test_a_signature_of_another_version_is_skipped() -> None:
    for name, header, known, others in (
        ("standard-webhooks", "webhook-signature", "v1,", ("v2,", "v1a,", "V1,", "v1 ,", ",", "")),
        ("github", "x-hub-signature-256", "sha256=", ("sha1=", "sha512=", "SHA256=", "sha256:", "")),
        ("slack", "x-slack-signature", "v0=", ("v1=", "V0=", "v0:", "")),
        ("stripe", "stripe-signature", ",v1=", (",v0=", ",v2=", ",V1=", ",v1:", ",v1a=", ",")),
        ("hmac-everything", "x-mac", "mac ", ("MAC ", "mac", "mac  ", "")),
    ):
        sender = BY_NAME[name]
        value = sender.credential()[header]
        assert known in value
        for other in others:
            assert not accepts(sender, sender.signed().with_headers({header: value.replace(known, other)})), other


STAMP = f"t={NOW}"


@pytest.mark.parametrize(
    ("template", "accepted"),
    [
        ("{t},v1={right}", True),
        ("v1={right},{t}", True),
        ("{t},v1={wrong},v1={right}", True),
        ("{t},v1={right},v1={wrong}", True),
        ("{t},v0=abc,v1={right}", True),
        ("{t}, v1={right}", True),
        ("{t},v1={right},garbage", True),
        ("{t},v0={right}", False),
        ("{t},v1={wrong}", False),
        ("{t},{t},v1={right}", False),
        ("t=1,{t},v1={right}", False),
        ("{t},v1={right},t=1", False),
        ("t,v1={right}", False),
        ("t=,v1={right}", False),
        ("T={now},v1={right}", False),
        ("v1={right}", False),
        ("{t}", False),
        ("{t},v1=", False),
        ("{t},v1", False),
        ("{t};v1={right}", False),
        ("{t},v1={right}=", False),
        (",", False),
        ("=", False),
    ],
)
def test_stripes_header_is_a_list_of_pairs(template: str, accepted: bool) -> None:  # noqa: FBT001 - a column
    sender = BY_NAME["stripe"]
    right, wrong = (
        sender.signed(secret).headers["stripe-signature"].partition("v1=")[2] for secret in sender.secrets[:2]
    )
    value = template.format(t=STAMP, now=NOW, right=right, wrong=wrong)

    assert accepts(sender, sender.request.with_headers({"stripe-signature": value})) is accepted


def test_stripes_secret_counts_with_its_prefix_and_is_not_decoded() -> None:
    sender = BY_NAME["stripe"]
    bare = sender.secrets[0].removeprefix("whsec_")

    assert not accepts(sender, sender.signed(bare))
    assert scheme_of(sender).fault_of_secret("whsec_not base64!") is None


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("github", "x-hub-signature-256"),
        ("slack", "x-slack-signature"),
        ("stripe", "stripe-signature"),
        ("hmac", "x-signature"),
    ],
)
def test_hexadecimal_digits_may_be_in_upper_case(name: str, header: str) -> None:
    sender = BY_NAME[name]
    before, sign, digest = sender.credential()[header].rpartition("=")

    assert accepts(sender, sender.signed().with_headers({header: f"{before}{sign}{digest.upper()}"}))


@pytest.mark.parametrize("header", ["basic {}", "BASIC {}", "Basic {}"])
def test_the_name_of_basic_has_no_case(header: str) -> None:
    sender = BY_NAME["basic"]
    encoded = sender.credential()["authorization"].removeprefix("Basic ")

    assert accepts(sender, sender.request.with_headers({"authorization": header.format(encoded)}))


def test_basic_takes_one_spelling_of_its_base64() -> None:
    sender = BY_NAME["basic"]
    encoded = base64.b64encode(b"user:one!").decode()
    scheme = scheme_of(sender)
    scheme.verify(Request(headers={"authorization": f"Basic {encoded}"}), ["user:one!"], 0)

    for other in (
        f"{encoded}=",
        f"{encoded}====",
        f"{encoded}\n",
        f"{encoded[:4]} {encoded[4:]}",
        f"{encoded[:4]}!{encoded[4:]}",
    ):
        with pytest.raises(Unauthorized):
            scheme.verify(Request(headers={"authorization": f"Basic {other}"}), ["user:one!"], 0)


@pytest.mark.parametrize("given", ["k%2By", "k+y"])
def test_a_key_in_the_query_may_come_decoded_or_not(given: str) -> None:
    scheme = ADAPTER.validate_python({"scheme": "api-key", "secrets": ["env:A"], "key": "query.key"})

    scheme.verify(Request(query={"key": given}), ["k+y"], 0)
    with pytest.raises(Unauthorized):
        scheme.verify(Request(query={"key": given}), ["k y"], 0)


def test_a_key_in_the_query_that_can_be_no_secret_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = ADAPTER.validate_python({"scheme": "api-key", "secrets": ["env:A"], "key": "query.key"})
    monkeypatch.setattr(tokens, "unquote", lambda text: pytest.fail(f"{len(text)} characters decoded"))

    with pytest.raises(Unauthorized):
        scheme.verify(Request(query={"key": "%" * 4080}), ["k" * 43, "k" * 86], 0)


def test_a_key_is_where_the_file_says() -> None:
    own = ADAPTER.validate_python({"scheme": "api-key", "secrets": ["env:A"], "key": "header.X-CRM-Key"})

    own.verify(Request(headers={"x-crm-key": "k"}), ["k"], 0)
    assert own.sign(Request(), "k", 0).headers == {"x-crm-key": "k"}
    for request in (Request(headers={"x-api-key": "k"}), Request(query={"x-crm-key": "k", "X-CRM-Key": "k"})):
        with pytest.raises(Unauthorized):
            own.verify(request, ["k"], 0)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_key_in_the_query_is_no_parameter(world: World, method: str, capsys: pytest.CaptureFixture[str]) -> None:
    sender = BY_NAME["api-key-query"]
    world.write_callers(sender.toml())
    world.environ["ONE"] = "one%FF"
    request = changed(sender.request, method=method, query={**PAYLOAD, "key": "one%FF"})

    assert world.send(sender.event(request, b"")).status == 200
    assert world.call.calls[0].parameters == dict(PAYLOAD)
    more = world.send(sender.event(changed(request, query={"other": "1"}), b""))
    assert more.code == "invalid_parameters"
    assert "one" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["api-key-query", "twilio-json"])
def test_what_proves_the_sender_is_not_there_for_expressions(world: World, name: str) -> None:
    sender = BY_NAME[name]
    expressions = "".join(f'{key} = "body.{key}"\n' for key in ("device_id", "instance_id", "user_id"))
    world.write_callers(
        f"{sender.toml()}[callers.{name}.parameters]\n{expressions}job_id = \"join('', keys(query))\"\n"
    )
    world.environ["ONE"] = sender.secrets[0]
    body = json.dumps({"device_id": "d", "instance_id": "ccc-test", "user_id": "a@b"}).encode()
    request = sender.sign(changed(sender.request, query={"a": "1"}), body, sender.secrets[0], "")

    assert world.send(sender.event(request, body)).status == 200
    assert world.call.calls[0].parameters["JobId"] == "a"


# Bent

BENDS: dict[str, Callable[[str], str]] = {
    "empty": lambda _value: "",
    "blank": lambda _value: " ",
    "doubled": lambda value: f"{value},{value}",
    "doubled with a space": lambda value: f"{value}, {value}",
    "joined with nothing": lambda value: f"{value},",
    "behind nothing": lambda value: f",{value}",
    "without its last character": lambda value: value[:-1],
    "without its first character": lambda value: value[1:],
    "halved": lambda value: value[: len(value) // 2],
    "with another last character": lambda value: value[:-1] + ("a" if value[-1] != "a" else "b"),
    "junk in front": lambda value: f"x{value}",
    "junk behind": lambda value: f"{value}x",
    "a null behind": lambda value: f"{value}\x00",
    "non-ASCII behind": lambda value: f"{value}\u00e9",
    "non-ASCII alone": lambda _value: "\u00e9\u0660",
    "a surrogate": lambda value: f"{value}\ud800",
    "base64 of nothing": lambda _value: "====",
    "quoted": lambda value: f'"{value}"',
    "twice": lambda value: value + value,
    "very long": lambda value: value + "A" * 100_000,
}
SPACES: dict[str, Callable[[str], str]] = {
    "a space in front": lambda value: f" {value}",
    "a space behind": lambda value: f"{value} ",
    "a line break behind": lambda value: f"{value}\n",
    "a tab in front": lambda value: f"\t{value}",
}


# What bends a list without touching the signature that is in it.
HARMLESS = {("stripe-signature", bend) for bend in ("joined with nothing", "behind nothing", *SPACES)}
# An item of a list is trimmed, and one that nobody knows is skipped.
LISTS = ("stripe", "calendly-webhook", "elevenlabs", "workos", "paddle", "x-pagerduty", "x-retell", "webhook", "svix")
HARMLESS |= {(f"{name}-signature", bend) for name in LISTS for bend in SPACES}
HARMLESS |= {("webhook-signature", "doubled with a space"), ("svix-signature", "doubled with a space")}
HARMLESS |= {
    (f"{name}-signature", bend)
    for name in ("calendly-webhook", "elevenlabs", "workos", "x-retell", "x-pagerduty")
    for bend in ("joined with nothing", "behind nothing")
}
HARMLESS |= {
    (f"{name}-signature", bend) for name in ("x-pagerduty", "paddle") for bend in ("doubled", "doubled with a space")
}
HARMLESS |= {
    (f"{name}-signature", "twice")
    for name in ("stripe", "calendly-webhook", "elevenlabs", "workos", "paddle", "x-retell")
}
HARMLESS |= {
    ("x-plivo-signature-v3", bend)
    for bend in ("doubled", "doubled with a space", "joined with nothing", "behind nothing")
}


@each_sender
def test_a_bent_header_is_unauthorized(sender: Sender) -> None:
    signed = sender.signed()

    for name, value in sender.credential().items():
        for bend, change in (BENDS | SPACES).items():
            bent = signed.with_headers({name: change(value)})
            assert accepts(sender, bent) is ((name, bend) in HARMLESS), (name, bend)


@each_sender
def test_a_missing_header_is_unauthorized(sender: Sender) -> None:
    signed = sender.signed()

    assert not accepts(sender, sender.request)
    for name in sender.credential():
        assert not accepts(sender, without(signed, name)), name


@pytest.mark.parametrize("bend", [*BENDS, *SPACES])
def test_a_bent_key_in_the_query_is_unauthorized(bend: str) -> None:
    sender = BY_NAME["api-key-query"]
    bent = (BENDS | SPACES)[bend](sender.secrets[0])

    assert not accepts(sender, sender.request.with_query({"key": bent}))
    assert not accepts(sender, sender.request.with_headers({"key": sender.secrets[0], "x-api-key": sender.secrets[0]}))


@pytest.mark.parametrize("sender", [s for s in SENDERS if s.signs_body], ids=str)
def test_one_bit_of_the_body_makes_it_unauthorized(sender: Sender) -> None:
    signed = sender.signed()

    for place in (0, 17, len(sender.body) - 1):
        for bit in (0x01, 0x20):
            body = bytearray(sender.body)
            body[place] ^= bit
            assert not accepts(sender, signed, body=bytes(body))
    for other in (sender.body[:-1], sender.body + b" ", sender.body + b"\n", b" " + sender.body, b"{}"):
        assert not accepts(sender, signed, body=other)


@pytest.mark.parametrize("sender", [s for s in SENDERS if s.signs_body], ids=str)
def test_a_body_taken_away_makes_it_unauthorized(sender: Sender) -> None:
    signed = sender.signed()

    assert not accepts(sender, without(signed, "content-type"), body=b"")
    for content_type in (JSON, FORM):
        assert not accepts(sender, signed.with_headers({"content-type": content_type}), body=b"")


@pytest.mark.parametrize("sender", [s for s in SENDERS if s.signs_url], ids=str)
def test_another_url_is_unauthorized(sender: Sender) -> None:
    signed = sender.signed()

    assert not accepts(sender, without(signed, "host"))
    for host in ("other.example.com", f"{HOST}:8443", f"{HOST},{HOST}", "", "\u00e9"):
        assert not accepts(sender, changed(signed, headers={"host": host})), host
    for raw_path in ("/other", ""):
        assert not accepts(sender, changed(signed, raw_path=raw_path)), raw_path
    for query in ({"c": "3"}, {"portal": "2"}, {"": ""}):
        assert not accepts(sender, changed(signed, query=query)), query


@pytest.mark.parametrize("name", ["hubspot", "hmac-everything"])
def test_another_method_is_unauthorized(name: str) -> None:
    sender = BY_NAME[name]

    assert not accepts(sender, replace(sender.signed(), method="GET"))


@each_sender
def test_without_a_secret_nothing_is_accepted(sender: Sender) -> None:
    scheme = scheme_of(sender)

    # An empty key makes an HMAC that everybody can compute.
    empty = "whsec_" if sender.secrets[0].startswith("whsec_") and sender.name != "stripe" else ""
    # These libraries take none.
    forged = sender.signed() if sender.name in ("slack", "vonage", "monday", "jwt") else sender.signed(empty)
    for secrets in ((), ("",) if sender.name in ("standard-webhooks", "svix", "hmac-everything") else ()):
        with pytest.raises(Unauthorized):
            scheme.verify(replace(forged, body=sender.body), secrets, NOW)
    assert scheme.fault_of_secret(empty)


# One request, one key

SIGNING = [sender for sender in SENDERS if sender.signs_body]


def key_of(sender: Sender, request: Request, *secrets: str, body: bytes | None = None, now: float = NOW) -> str | None:
    body = sender.body if body is None else body
    return scheme_of(sender).verify(replace(request, body=body), secrets or sender.secrets[:1], now).delivery


def bent(sender: Sender) -> dict[str, Request]:
    """Return every shape in which a request of two secrets may come that says the same."""
    one, two = sender.signed(), sender.signed(sender.secrets[1])
    shapes = {"one": one, "two": two}
    for header, separator in (("webhook-signature", " "), ("svix-signature", " "), ("stripe-signature", ",")):
        if header in one.headers:
            first, second = one.headers[header], two.headers[header]
            second = second.partition(",")[2] if separator == "," else second
            both = f"{first}{separator}{second}"
            turned = separator.join(reversed(both.split(separator)))
            for name, value in {"both": both, "turned": turned, "with another": f"{both}{separator}v0=x"}.items():
                shapes[name] = one.with_headers({header: value})
    for header in ("x-hub-signature-256", "x-slack-signature", "stripe-signature", "x-signature"):
        if header in one.headers:
            before, sign, digest = one.headers[header].rpartition("=")
            shapes["in upper case"] = one.with_headers({header: f"{before}{sign}{digest.upper()}"})
    return shapes


@pytest.mark.parametrize("sender", SIGNING, ids=str)
def test_one_signed_request_has_one_key(sender: Sender) -> None:
    one, two = sender.secrets[:2]
    keys = {
        key_of(sender, request, *secrets)
        for request in bent(sender).values()
        for secrets in ((one, two), (two, one), (one, two, one, sender.secrets[2]))
    }

    (key,) = keys
    identified = sender.name in ("standard-webhooks", "svix", "hmac-everything", "twitch")
    assert (
        key == ("msg_1" if "webhook-id" in sender.signed().headers or sender.name == "svix" else "d-1")
        if identified
        else len(key or "") == 64
    )
    assert identified or str(key) not in "".join(sender.signed().headers.values())
    if not identified:
        other = b'{"other": "body"}' if sender.content_type == JSON else b"other=form"
        assert key_of(sender, sender.signed(body=other), body=other) != key


@pytest.mark.parametrize("sender", [sender for sender in SIGNING if sender.timestamp], ids=str)
def test_a_resend_has_another_time_and_the_same_signed_id(sender: Sender) -> None:
    same = key_of(sender, sender.signed(now=NOW + 9)) == key_of(sender, sender.signed())
    assert same is (sender.name in ("standard-webhooks", "svix", "hmac-everything", "twitch"))


@pytest.mark.parametrize("name", ["hubspot", "twilio", "hmac-everything"])
@pytest.mark.parametrize("sent", ["a=%28x%29%40y%20z", "a=(x)@y%20z", "a=(x)%40y%20z", "a=%28x%29%40y+z"])
def test_one_url_has_one_key_however_it_is_known(name: str, sent: str) -> None:
    sender = BY_NAME[name]
    scheme = scheme_of(sender)
    request = replace(sender.request, query={"a": "(x)@y z"}, raw_query=sent)
    raw = scheme.sign(replace(request, body=sender.body), sender.secrets[0], NOW)

    assert len({key_of(sender, form) for form in (raw, replace(raw, raw_query=None))}) == 1


@pytest.mark.parametrize("sender", SIGNING, ids=str)
def test_a_request_that_is_bent_runs_once(sender: Sender, world: World) -> None:
    world.write_callers(sender.toml('"env:ONE", "env:TWO"'))
    for one, two in (sender.secrets[:2], sender.secrets[1::-1]):
        world.environ.update(ONE=one, TWO=two)
        for request in bent(replace_now(sender)).values():
            assert world.send(sender.event(request)).status == 200
    assert len(world.call.calls) == 1


@pytest.mark.parametrize("name", ["hubspot", "twilio", "hmac-everything"])
@pytest.mark.parametrize(
    "anew", ["DeviceId={0}%26ChannelId%3D{1}", "ChannelId={1}&DeviceId={0}", "DeviceId={0}%2526ChannelId%253D{1}"]
)
def test_a_recorded_query_that_is_cut_anew_mutes_nobody(name: str, anew: str, world: World) -> None:
    sender = replace_now(BY_NAME[name])
    world.write_callers(sender.toml())
    world.environ["ONE"] = sender.secrets[0]
    rest = "&".join(f"{name}={PAYLOAD[name]}" for name in ("InstanceId", "JobId", "UserId"))
    recorded, other = (f"{text.format('d', 'c')}&{rest}" for text in ("DeviceId={0}&ChannelId={1}", anew))
    scheme = scheme_of(sender)
    request = replace(sender.request, method="GET", query=dict(parse_qsl(recorded)), raw_query=recorded)
    signed = scheme.sign(request, sender.secrets[0], CLOCK)

    for query in (dict(parse_qsl(other)), dict(piece.split("=") for piece in other.split("&"))):
        assert world.send(sender.event(replace(signed, query=query), b"")).code == "unauthorized"
        with pytest.raises(Unauthorized):
            scheme.verify(replace(signed, query=query, raw_query=other), sender.secrets[:1], CLOCK)
    assert not world.call.calls
    assert world.send(sender.event(signed, b"")).status == 200
    assert world.call.calls[0].parameters["ChannelId"] == "c"


def replace_now(sender: Sender) -> Sender:
    """Return the sender at the clock of the pipeline's tests."""
    timestamp = sender.timestamp
    return replace(sender, timestamp=(lambda _now: timestamp(CLOCK)) if timestamp else None)


def test_whether_a_scheme_signs_is_told() -> None:
    shown = {"bearer", "basic", "api-key", "ram", "none"}
    assert {name for name, scheme in SCHEMES.items() if not scheme.signs} == shown


# What a stranger may cost


def test_no_credential_makes_much_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Counted, not timed: what is hashed and compared for what nobody has signed."""
    file = tmp_path / "callers.toml"
    file.write_text(strangers.callers_toml(), encoding="utf-8")
    callers = load_callers(file)
    work: list[int] = []
    digest, compare = hmac.digest, hmac.compare_digest

    def hashing(key: bytes, message: bytes, algorithm: str) -> bytes:
        work.append(len(message))
        return digest(key, message, algorithm)

    def comparing(one: bytes, other: bytes) -> bool:
        work.append(0)
        return compare(one, other)

    monkeypatch.setattr(hmac, "digest", hashing)
    monkeypatch.setattr(hmac, "compare_digest", comparing)
    for name, request in strangers.requests(NOW):
        caller = request.caller_path
        scheme = callers.callers[caller].auth
        secrets = [f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in range(10)]
        if caller == "basic":
            secrets = [f"user:{secret}" for secret in secrets]
        work.clear()
        with pytest.raises(Unauthorized):
            scheme.verify(request, secrets, NOW)
        assert sum(work) <= 20 * (strangers.SIZE + 100), name
        assert len(work) <= 400, name


@pytest.mark.parametrize("name", ["standard-webhooks", "stripe"])
@pytest.mark.parametrize(("count", "accepted"), [(19, True), (20, False)])
def test_a_list_of_signatures_has_an_end(name: str, count: int, accepted: bool) -> None:  # noqa: FBT001 - a column
    sender = BY_NAME[name]
    header = "webhook-signature" if name == "standard-webhooks" else "stripe-signature"
    more = " v1,AAAA" if name == "standard-webhooks" else ",v1=00"
    right = sender.credential()[header]
    # Stripe's has a timestamp in the list.
    count -= name == "stripe"

    assert accepts(sender, sender.signed().with_headers({header: right + more * count})) is accepted


# Time


@each_timestamped
def test_a_timestamp_within_the_tolerance_is_accepted_and_no_other(sender: Sender) -> None:
    for away in (0, TOLERANCE, -TOLERANCE):
        assert accepts(sender, sender.signed(now=NOW + away)), away
    for away in (TOLERANCE + 1, 10 * 365 * 86_400, 253_000_000_000 - NOW):
        assert not accepts(sender, sender.signed(now=NOW + away)), away
        assert not accepts(sender, sender.signed(now=NOW - min(away, NOW))), away


@each_timestamped
def test_how_far_a_clock_is_off_is_for_the_log_alone(sender: Sender) -> None:
    for away, told in ((412, "412 s ahead of"), (-412, "412 s behind")):
        with pytest.raises(Unauthorized) as caught:
            scheme_of(sender).verify(replace(sender.signed(now=NOW + away), body=sender.body), sender.secrets[:1], NOW)
        assert caught.value.reason == f"timestamp is {told} this clock; tolerance 300 s"
        assert caught.value.detail == Unauthorized.detail


@each_timestamped
def test_the_tolerance_is_the_operators(sender: Sender) -> None:
    for tolerance, away, accepted in ((10, 10, True), (10, -11, False), (86_400, -86_400, True)):
        signed = sender.signed(now=NOW + away)
        assert accepts(sender, signed, tolerance_seconds=tolerance) is accepted


@pytest.mark.parametrize("sender", [s for s in SENDERS if not s.timestamp], ids=str)
def test_a_scheme_without_a_timestamp_has_no_age(sender: Sender) -> None:
    assert accepts(sender, sender.signed(), now=0)


NUMBERS = ("nan", "inf", "-inf", "1e9", "", " ", "null", "0x64f6cd87", "-1", "9" * 13, "9" * 16, "9" * 5000, "\u0661")
DATES = (
    "2023-09-05T06:41:11",
    "2023-09-05 06:41:11Z",
    "2023-09-05T06:41:11z",
    "2023-09-05T06:41:11+0000",
    "2023-09-05T06:41:11.Z",
    "2023-09-05T06:41:11.1234567890Z",
    "2023-09-05T06:41Z",
    "20230905T064111Z",
    "2023-W36-2T06:41:11Z",
    "2023-09-05T06:41:60Z",
    "2023-09-05T24:00:00Z",
    "2023-13-05T06:41:11Z",
    "2023-02-30T06:41:11Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "\u0662023-09-05T06:41:11Z",
    "1693896071",
    "1693896071000",
)


def spellings(text: str) -> list[str]:
    """Return spellings of a timestamp that lenient readers take for the same, and others that they choke on."""
    arabic = text.translate({ord(digit): chr(0x660 + int(digit)) for digit in "0123456789"})
    wide = text.translate({ord(digit): chr(0xFF10 + int(digit)) for digit in "0123456789"})
    bent = [f" {text}", f"{text} ", f"{text}\n", f"+{text}", f"-{text}", f"{text}.0", f"{text[:1]}_{text[1:]}"]
    return [*bent, f"{text},{text}", f"{text}, {text}", f"{text}\x00", arabic, wide, text[:1] + arabic[1:]]


@each_timestamped
def test_a_malformed_timestamp_is_unauthorized_however_well_it_is_signed(sender: Sender) -> None:
    assert sender.timestamp
    good = sender.timestamp(NOW)
    for text in (*spellings(good), *NUMBERS, *(DATES if "T" in good else ())):
        assert not accepts(sender, sender.signed(timestamp=text)), ascii(text)


def test_a_signed_timestamp_in_another_unit_is_unauthorized() -> None:
    for name, text in (("slack", f"{NOW}000"), ("hubspot", f"{NOW}"), ("standard-webhooks", f"{NOW}000")):
        assert not accepts(BY_NAME[name], BY_NAME[name].signed(timestamp=text))


def test_zendesk_may_write_fractions_of_a_second() -> None:
    sender = BY_NAME["zendesk"]

    for text in ("2023-09-05T06:41:11.5Z", "2023-09-05T06:41:11.123456Z"):
        assert accepts(sender, sender.signed(timestamp=text))


# Secrets, as the callers file has them


@each_sender
def test_a_caller_with_two_secrets(sender: Sender, world: World, sent: Callable[..., Any]) -> None:
    world.write_callers(sender.toml('"env:ONE", "env:TWO?"'))
    one, two, three = sender.secrets[:3]
    by_one, by_two, by_three = (sender.signed(secret, now=CLOCK) for secret in (one, two, three))
    rows: list[tuple[str, str, Request, Any]] = [
        (one, two, by_one, 200),
        (one, two, by_two, 200),
        (one, two, by_three, "unauthorized"),
        (two, one, by_one, 200),
        (one, one, by_one, 200),
        (one, "", by_one, 200),
        (one, "", by_two, "unauthorized"),
        ("", two, by_two, "configuration_error"),
        ("", two, by_one, "configuration_error"),
        ("", "", by_one, "configuration_error"),
        ("", "", sender.request, "configuration_error"),
        *((one, value, by_one, 200) for value in sender.unusable),
        *((one, value, by_two, "unauthorized") for value in sender.unusable),
        *((value, two, by_two, "configuration_error") for value in sender.unusable),
        *((value, "", by_one, "configuration_error") for value in sender.unusable),
    ]

    for first, second, request, expected in rows:
        world.environ.update(ONE=first, TWO=second)
        assert sent(sender, request) == expected, (first, second)


def test_an_unset_secret_is_an_error_of_the_configuration(
    world: World, sent: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    sender = BY_NAME["github"]
    world.write_callers(sender.toml('"env:ONE", "env:TWO?", "env:THREE?"'))

    assert sent(sender, sender.signed(now=CLOCK)) == "configuration_error"
    assert "ONE is unset" in capsys.readouterr().out

    world.environ["THREE"] = sender.secrets[2]

    assert sent(sender, sender.signed(sender.secrets[2], now=CLOCK)) == "configuration_error"

    world.environ["ONE"] = sender.secrets[0]

    assert sent(sender, sender.signed(sender.secrets[2], now=CLOCK)) == 200
    assert sent(sender, sender.signed(sender.secrets[1], now=CLOCK)) == "unauthorized"


@each_sender
def test_stale_wrong_and_missing_are_told_alike(sender: Sender, world: World) -> None:
    world.write_callers(sender.toml())
    world.environ["ONE"] = sender.secrets[0]

    requests = [sender.request, sender.signed(sender.secrets[1], now=CLOCK)]
    requests += [sender.signed(now=CLOCK + away) for away in (3600, -3600)] if sender.timestamp else []
    answers = {world.send(sender.event(request)).text for request in requests}

    assert len(answers) == 1
    assert answers == {world.http(path="/nobody", token=None).text}
    assert not world.call.calls


# Constant time


@each_sender
def test_every_secret_is_compared(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        calls.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    scheme = scheme_of(sender)
    counts = set()
    for secret in sender.secrets:
        calls.clear()
        scheme.verify(replace(sender.signed(secret), body=sender.body), sender.secrets, NOW)
        counts.add(len(calls))
    calls.clear()
    with pytest.raises(Unauthorized):
        scheme.verify(replace(sender.signed(sender.secrets[0]), body=sender.body), sender.secrets[1:], NOW)

    (count,) = counts
    hashes = sender.name == "twilio-json"
    assert count - hashes >= len(sender.secrets)
    assert (len(calls) - hashes) * 5 == (count - hashes) * 4
    assert all(isinstance(side, bytes) for pair in calls for side in pair)


# Anything at all

QUICK = settings(max_examples=60, deadline=None, database=None)
surrogates = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)


@st.composite
def tampered(draw: st.DrawFn) -> tuple[Sender, Request, bytes]:
    """A sender's request with anything in place of its headers, its query and its body."""
    sender = draw(st.sampled_from(SENDERS))
    signed = sender.signed()
    values = surrogates | st.sampled_from(
        [*sender.credential().values(), seconds(NOW), "v1,", "t=1,v1=", "Basic ", "["]
    )
    bent = st.builds(lambda value, cut, more: value[:cut] + more, values, st.integers(0, 80), surrogates)
    names = st.sampled_from([*signed.headers, "host", "content-type", "webhook-id", "svix-id"])
    headers = draw(st.dictionaries(names, values | bent, max_size=4))
    dropped = draw(st.lists(names, max_size=1))
    query = draw(st.dictionaries(st.sampled_from(["key", "bodySHA256", "a"]) | surrogates, surrogates, max_size=2))
    path = draw(st.just(signed.raw_path) | surrogates)
    request = replace(without(signed.with_headers(headers), *dropped).with_query(query), raw_path=path)
    return sender, request, draw(st.just(sender.body) | st.binary(max_size=20))


@QUICK
@given(parts=tampered())
@example(parts=(BY_NAME["twilio"], BY_NAME["twilio"].signed().with_headers({"host": "["}), b""))
@example(parts=(BY_NAME["hubspot"], BY_NAME["hubspot"].signed().with_query({"a": "\ud800"}), b""))
def test_anything_at_all_is_accepted_or_unauthorized(parts: tuple[Sender, Request, bytes]) -> None:
    sender, request, body = parts

    accepts(sender, request, body=body)


URL_SIGNERS = [sender for sender in SENDERS if sender.signs_url]


UNBUILDABLE: list[dict[str, Any]] = [
    *({"query": query} for query in ({"a": "\ud800"}, {"\ud800": "a"})),
    *({"headers": {"host": host}} for host in ("[", "[::1", "\u2100", "\ud800")),
    *({"raw_path": path} for path in ("[", "/\ud800/\u00e9")),
]


@pytest.mark.parametrize("sender", URL_SIGNERS, ids=str)
def test_a_url_that_cannot_be_built_is_unauthorized(sender: Sender, world: World, sent: Callable[..., Any]) -> None:
    world.write_callers(sender.toml())
    world.environ["ONE"] = sender.secrets[0]
    for change in UNBUILDABLE:
        request = changed(sender.signed(now=CLOCK), **change)

        assert not accepts(sender, request, now=CLOCK), ascii(change)
        assert sent(sender, request) == "unauthorized"


# Published and measured vectors


def test_the_vector_of_standard_webhooks() -> None:
    scheme = ADAPTER.validate_python({"scheme": "standard-webhooks", "secrets": ["env:A"]})
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'

    scheme.verify(Request(headers=headers, body=body), [secret], 1614265330)
    scheme.verify(Request(headers=headers, body=body), [secret.removeprefix("whsec_")], 1614265330)
    assert scheme.sign(
        Request(headers={"webhook-id": headers["webhook-id"]}, body=body), secret, 1614265330.9
    ).headers == (headers)


def test_the_vector_of_github() -> None:
    scheme = ADAPTER.validate_python({"scheme": "github", "secrets": ["env:A"]})
    headers = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}

    scheme.verify(Request(headers=headers, body=b"Hello, World!"), ["It's a Secret to Everybody"], 0)
    assert scheme.sign(Request(body=b"Hello, World!"), "It's a Secret to Everybody", 0).headers == headers


def test_the_vector_of_slack() -> None:
    # Slack, "Verifying requests from Slack".
    scheme = ADAPTER.validate_python({"scheme": "slack", "secrets": ["env:A"]})
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }

    scheme.verify(Request(headers=headers, body=body), ["8f742231b10e8888abcd99yyyzzz85a5"], 1531420618)


def test_the_vector_of_twilio() -> None:
    scheme = ADAPTER.validate_python(
        {"scheme": "twilio", "secrets": ["env:A"], "public_url": "https://mycompany.com/myapp.php"}
    )
    body = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    }
    request = Request(headers=headers, query={"foo": "1", "bar": "2"})

    scheme.verify(replace(request, body=body), ["12345"], 0)
    with pytest.raises(Unauthorized):
        scheme.verify(replace(replace(request, query={"bar": "2", "foo": "1"}), body=body), ["12345"], 0)


def test_the_example_of_basic_authentication() -> None:
    # RFC 7617, sections 2 and 2.1.
    scheme = ADAPTER.validate_python({"scheme": "basic", "secrets": ["env:A"]})

    for secret, encoded in (("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("test:123£", "dGVzdDoxMjPCow==")):
        scheme.verify(Request(headers={"authorization": f"Basic {encoded}"}), [secret], 0)
        assert base64.b64decode(encoded).decode() == secret


def test_the_vector_of_hmac_sha_512_and_sha_1() -> None:
    # RFC 4231 and RFC 2202, test case 2.
    expected = {
        "sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        "sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "sha1": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    }
    for algorithm, digest in expected.items():
        scheme = ADAPTER.validate_python(
            {"scheme": "hmac", "secrets": ["env:A"], "signature": "header.X-Mac", "algorithm": algorithm}
        )
        scheme.verify(Request(headers={"x-mac": digest}, body=b"what do ya want for nothing?"), ["Jefe"], 0)


def test_the_callers_file_has_room_for_all_of_them(tmp_path: Path) -> None:
    world = World(tmp_path, "".join(sender.toml(f'"env:SECRET_{i}"') for i, sender in enumerate(SENDERS)))
    world.environ.update({f"SECRET_{i}": sender.secrets[0] for i, sender in enumerate(SENDERS)})

    for sender in SENDERS:
        assert world.send(sender.event(sender.signed(now=CLOCK))).status == 200
        for other in SENDERS:
            if other.name != sender.name:
                crossed = replace(sender.signed(now=CLOCK), raw_path=f"/{other.name}")
                status = world.send(sender.event(crossed)).status
                same = [("standard-webhooks", "svix"), ("github", "meta"), ("jira", "bitbucket")]
                assert (status == 401) is not any({sender.name, other.name} == set(pair) for pair in same)
