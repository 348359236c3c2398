"""JSON Web Tokens: what a library writes passes, and what no sender should write does not."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import jwt
import pytest
from pydantic import ValidationError

from shared.callers.schemes import Scheme, keys_of, read_auth
from shared.problems import Unauthorized
from shared.runtime.event import Request
from tests.builders import PAYLOAD
from tests.unit.shared.callers.schemes.references import KEY, NOW, mac
from tests.unit.shared.fakes import NOW as CLOCK
from tests.unit.shared.fakes import World

BODY = b'{"job_id": "job-1"}'
HASH = hashlib.sha256(BODY).hexdigest()
OTHER = KEY[::-1]
FRESH = {"iat": NOW, "h": HASH}


def scheme(**settings: Any) -> Scheme:
    return read_auth({"scheme": "jwt", "secrets": ["env:A"], "body_hash": "h", **settings})


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def token(claims: Any, header: Any = None, algorithm: str = "sha256", key: str = KEY) -> str:
    """Return a token with a right signature, whatever it says."""
    content = f"{part({'alg': 'HS256', 'typ': 'JWT'} if header is None else header)}.{part(claims)}"
    return f"{content}.{part(mac(key.encode(), content.encode(), algorithm))}"


def key_of(given: str, of: Scheme | None = None, body: bytes = BODY, now: float = NOW, place: str = "") -> str | None:
    """Return the key of a request with this token; raises `Unauthorized`."""
    request = Request(headers={"authorization": given}, body=body)
    if place:
        request = replace(request, headers={}, query={place: given})
    return (of or scheme()).verify(request, [OTHER, KEY], now).delivery


def accepts(given: str, of: Scheme | None = None, **how: Any) -> bool:
    try:
        key_of(given, of, **how)
    except Unauthorized:
        return False
    return True


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_file_says_which_algorithm_counts(algorithm: str) -> None:
    given = jwt.encode(FRESH, KEY * 2, algorithm)
    for name in ("HS256", "HS384", "HS512"):
        try:
            scheme(algorithm=name).verify(
                Request(headers={"authorization": f"Bearer {given}"}, body=BODY), [KEY * 2], NOW
            )
        except Unauthorized:
            assert name != algorithm
        else:
            assert name == algorithm


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": ""},
        {"alg": None},
        {"alg": ["HS256"]},
        {"alg": "hs256"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"typ": "JWT"},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "crit": [], "b64": False},
        [],
        "HS256",
        b'{"alg": "none", "alg": "HS256"}',
        b'{"alg": "HS256"',
        b"\xff",
    ],
    ids=ascii,
)
def test_a_header_that_says_anything_else_is_unauthorized_however_well_it_is_signed(header: Any) -> None:
    assert accepts(token(FRESH))
    assert not accepts(token(FRESH, header))
    assert not accepts(token(FRESH, header).rpartition(".")[0] + ".")


def test_a_token_without_a_signature_or_with_another_is_unauthorized() -> None:
    content, _, signature = token(FRESH).rpartition(".")
    unsigned = jwt.encode(FRESH, "", "none")
    for given in (unsigned, content, f"{content}.", f"{content}.{signature[:-1]}", f"{content}.{signature}A"):
        assert not accepts(given)
    assert not accepts(token(FRESH, algorithm="sha512"))
    assert not accepts(token(FRESH, key=KEY + "x"))


@pytest.mark.parametrize(
    "bent",
    [
        lambda text: text.replace(".", "=.", 1),
        lambda text: f"{text}=",
        lambda text: text.replace(".", "..", 1),
        lambda text: f"{text}.{text}",
        lambda text: f"{text}.e30.e30",
        lambda text: text.replace("_", "/").replace("-", "+") + "+",
        lambda text: f"{text}\n",
        lambda text: f"Bearer\t{text}",
        lambda text: f"Bearer Bearer {text}",
        lambda text: f"Basic {text}",
        lambda text: f"Bearer {text} ",
        lambda text: f"Bearer {text},Bearer {text}",
        lambda _text: "Bearer ",
        lambda _text: "",
    ],
)
def test_another_spelling_of_a_token_is_unauthorized(bent: Any) -> None:
    assert not accepts(bent(token(FRESH)))


@pytest.mark.parametrize("text", ["{}", "Bearer {}", "bearer {}", "BEARER   {}"])
def test_the_word_before_a_token_may_be_missing(text: str) -> None:
    assert accepts(text.format(token(FRESH)))


@pytest.mark.parametrize(
    "claims",
    [
        b"[]",
        b"",
        b"{",
        b'{"iat": NaN}',
        b'{"iat": 1, "iat": 1693896071}',
        f'{{"iat": {NOW}, "h": "{HASH}", "h": "{HASH}"}}'.encode(),
        {"iat": NOW},
        {"iat": NOW, "h": None},
        {"iat": NOW, "h": [HASH]},
        {"iat": NOW, "h": ""},
        {"iat": NOW, "h": HASH[:-1]},
        {"iat": NOW, "payload_hash": HASH},
        {**FRESH, "jti": ""},
        {**FRESH, "jti": None},
        {**FRESH, "jti": 5},
    ],
    ids=ascii,
)
def test_claims_that_do_not_prove_the_body_are_unauthorized(claims: Any) -> None:
    assert accepts(token({**FRESH, "h": HASH.upper()}))
    assert not accepts(token(claims))


def test_a_body_that_the_token_does_not_cover_may_be_any() -> None:
    loose = scheme(body_hash=None, covers_body=False)

    assert accepts(token({"iat": NOW}), loose, body=b"any")
    assert not accepts(token(FRESH), body=BODY + b" ")


@pytest.mark.parametrize(
    ("times", "accepted"),
    [
        ({"iat": NOW}, True),
        ({"iat": NOW + 0.5}, True),
        ({"iat": NOW - 300}, True),
        ({"iat": NOW + 300}, True),
        ({"iat": NOW - 301}, False),
        ({"iat": NOW + 301}, False),
        ({"exp": NOW + 1}, True),
        ({"exp": NOW + 86_400, "iat": NOW - 3600}, True),
        ({"exp": NOW}, False),
        ({"exp": NOW - 1, "iat": NOW}, False),
        ({"exp": 0}, False),
        ({"exp": NOW + 600, "iat": NOW + 301}, False),
        ({"exp": NOW + 600, "iat": NOW + 299}, True),
        ({"iat": NOW, "nbf": True}, False),
        ({"iat": NOW, "nbf": NOW + 300}, True),
        ({"iat": NOW, "nbf": NOW + 301}, False),
        ({"exp": NOW + 600, "nbf": NOW + 301}, False),
        ({"nbf": NOW}, False),
        ({}, False),
        ({"iat": str(NOW)}, False),
        ({"iat": True}, False),
        ({"iat": None}, False),
        ({"iat": [NOW]}, False),
        ({"iat": NOW * 1000}, False),
        ({"exp": NOW * 1000}, False),
        ({"exp": 10**400}, False),
        ({"exp": 1e300}, False),
        ({"iat": -NOW}, False),
        ({"exp": NOW + 60, "nbf": "soon"}, False),
        ({"exp": NOW + 60, "iat": "soon"}, False),
    ],
    ids=ascii,
)
def test_a_token_ends_when_its_sender_says_or_soon_after_it_was_made(times: dict[str, Any], *, accepted: bool) -> None:
    assert accepts(token({**times, "h": HASH})) is accepted


def test_a_time_without_end_is_unauthorized() -> None:
    assert not accepts(token(f'{{"exp": 1e999, "h": "{HASH}"}}'.encode()))


@pytest.mark.parametrize(
    ("claims", "accepted"),
    [
        ({"aud": "https://mute.example.com/crm", "iss": "crm"}, True),
        ({"aud": ["x", "https://mute.example.com/crm"], "iss": "crm"}, True),
        ({"aud": ["x"], "iss": "crm"}, False),
        ({"aud": "https://mute.example.com/crm/", "iss": "crm"}, False),
        ({"aud": "https://mute.example.com/crm"}, False),
        ({"aud": {"https://mute.example.com/crm": 1}, "iss": "crm"}, False),
        ({}, False),
    ],
)
def test_claims_have_the_texts_of_the_file(claims: dict[str, Any], *, accepted: bool) -> None:
    told = scheme(claims={"aud": "https://mute.example.com/crm", "iss": "crm"})

    assert accepts(token({**FRESH, **claims}), told) is accepted
    signed = told.sign(Request(body=BODY), KEY, NOW)
    told.verify(replace(signed, body=BODY), [KEY], NOW)


def test_the_key_is_the_tokens_id_or_what_was_signed() -> None:
    assert key_of(token({**FRESH, "jti": "d-1"})) == "d-1"
    same = {key_of(token(FRESH)), key_of(token(FRESH, key=OTHER)), key_of(f"Bearer {token(FRESH)}")}
    (key,) = same
    assert len(key or "") == 64
    assert key != key_of(token({**FRESH, "iat": NOW + 1}))


def test_a_token_may_stand_anywhere() -> None:
    assert accepts(token(FRESH), scheme(token="query.jwt"), place="jwt")
    inside = scheme(token="body.token", body_hash=None, covers_body=False)
    signed = inside.sign(Request(headers={"content-type": "application/json"}, body=BODY), KEY, NOW)
    assert json.loads(signed.body).keys() == {"job_id", "token"}
    inside.verify(signed, [KEY], NOW)
    assert inside.credential_paths() == [("token",)]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"body_hash": None}, "body_hash is missing"),
        ({"covers_body": False}, "contradicts"),
        ({"token": "body.token"}, "token is inside the body"),
        ({"token": "part.t"}, "Place should be"),
        ({"algorithm": "none"}, "Input should be"),
        ({"algorithm": "RS256"}, "Input should be"),
        ({"claims": {"aud": 5}}, "valid string"),
        ({"claims": {"iat": "1693896071"}}, "claims cannot name"),
        ({"claims": {"h": HASH}}, "claims cannot name"),
        ({"body_hash": "exp"}, "which hold times"),
    ],
)
def test_what_does_not_fit_together_is_an_error_of_the_file(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        scheme(**settings)


def test_the_library_accepts_what_sign_adds() -> None:
    (given,) = scheme().sign(Request(body=BODY), KEY, NOW).headers.values()
    claims = jwt.decode(given.removeprefix("Bearer "), KEY, ["HS256"], options={"verify_iat": False})
    assert claims == FRESH


def test_a_vendors_row_takes_its_clock_and_no_other_detail() -> None:
    assert keys_of("vonage") == keys_of("monday") == ("scheme", "secrets", "tolerance_seconds")


@pytest.mark.parametrize("has_token", [True, False])
def test_monday_gets_its_challenge_back_and_a_stranger_no_more_than_that(world: World, *, has_token: bool) -> None:
    world.write_callers('[callers.m]\nauth = { scheme = "monday", secrets = ["env:ONE"] }\ninstances = ["ccc-test"]\n')
    world.environ["ONE"] = KEY
    given = jwt.encode({"iat": int(CLOCK), "exp": int(CLOCK) + 300}, KEY) if has_token else None
    sent = {"path": "/m", "token": None, "headers": {"authorization": given} if given else {}}

    reply = world.http({"challenge": "3eZbrw"}, **sent)
    assert (reply.status, reply.body) == (200, {"challenge": "3eZbrw"})
    assert world.http(**sent).status == (200 if has_token else 401)
    assert len(world.call.calls) == has_token


def test_a_query_beside_a_token_is_not_the_payload(world: World) -> None:
    world.write_callers('[callers.v]\nauth = { scheme = "vonage", secrets = ["env:ONE"] }\ninstances = ["ccc-test"]\n')
    world.environ["ONE"] = KEY
    given = jwt.encode({"iat": int(CLOCK), "payload_hash": hashlib.sha256(b"").hexdigest()}, KEY)

    reply = world.http(
        path="/v", token=None, headers={"authorization": f"Bearer {given}"}, query=dict(PAYLOAD), body=""
    )
    assert reply.code == "invalid_parameters"
    assert not world.call.calls


def test_nobody_pays_for_tokens_that_no_caller_has() -> None:
    script = (
        "import sys; from shared.callers.file import load_callers;"
        "load_callers('functions/mute_call/callers.toml'); print('shared.callers.schemes.jwt' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "False\n"
