from __future__ import annotations

import pytest

from shared.callers.schemes import SCHEMES, Ram, Scheme, read_auth
from shared.callers.schemes.platform import Anonymous
from shared.callers.schemes.tokens import Bearer
from shared.problems import Unauthorized
from shared.runtime.event import Request

BEARER = Bearer(scheme="bearer", secrets=["env:A"])
RAM = Ram(scheme="ram")
ANONYMOUS = Anonymous(scheme="none", allow_anonymous=True)


def bearer(authorization: str | None, *secrets: str) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    BEARER.verify(Request(headers=headers), secrets, 0)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_right_token_passes(kind: str) -> None:
    bearer(f"{kind} token", "token")


@pytest.mark.parametrize("token", ["one", "two", "three"])
def test_any_of_several_secrets_passes(token: str) -> None:
    bearer(f"Bearer {token}", "one", "two", "three")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "token",
        "Bearertoken",
        "Basic token",
        "Bearer token2",
        "Bearer toke",
        "Bearer TOKEN",
        " Bearer token",
        "Bearer token ",
        "Bearer\ttoken",
        "Bearer token,Bearer token",
        "Bearer töken",
        "Bearer \ud800",
        "Bearer \x00",
    ],
    ids=ascii,
)
def test_a_missing_malformed_or_wrong_token_is_unauthorized(authorization: str | None) -> None:
    with pytest.raises(Unauthorized) as caught:
        bearer(authorization, "token")

    assert "token2" not in caught.value.reason


@pytest.mark.parametrize("authorization", ["Bearer token", "bearer token", "BEARER   token"])
def test_one_or_more_spaces_stand_before_the_token(authorization: str) -> None:
    bearer(authorization, "token")


def test_without_a_secret_nothing_passes() -> None:
    with pytest.raises(Unauthorized):
        bearer("Bearer ")


@pytest.mark.parametrize(
    ("secret", "usable"),
    [
        ("token", True),
        ("AZaz09-._~+/", True),
        ("dG9rZW4=", True),
        ("", False),
        ("with space", False),
        ("token\n", False),
        ("töken", False),
        ("a=b", False),
        ("=", False),
    ],
)
def test_a_bearer_token_has_the_characters_of_rfc_6750(secret: str, usable: bool) -> None:  # noqa: FBT001 - a column
    assert (BEARER.fault_of_secret(secret) is None) is usable


def test_ram_is_for_direct_invocation() -> None:
    RAM.verify(Request(direct=True), (), 0)


def test_ram_over_http_is_unauthorized() -> None:
    with pytest.raises(Unauthorized):
        RAM.verify(Request(headers={"authorization": "Bearer token"}), ("token",), 0)


def test_an_anonymous_caller_needs_nothing() -> None:
    ANONYMOUS.verify(Request(), (), 0)


def test_a_scheme_without_a_check_lets_nobody_in() -> None:
    with pytest.raises(NotImplementedError):
        Scheme(scheme="new").verify(Request(), (), 0)


def test_whoever_needs_no_credential_signs_nothing() -> None:
    request = Request(headers={"a": "b"})

    assert ANONYMOUS.sign(request, "", 0) == request


@pytest.mark.parametrize("scheme", [RAM, Scheme(scheme="new")])
def test_a_scheme_that_signs_nothing_says_so(scheme: Scheme) -> None:
    with pytest.raises(NotImplementedError):
        scheme.sign(Request(), "", 0)


def test_a_scheme_without_a_rule_for_secrets_uses_none() -> None:
    with pytest.raises(NotImplementedError):
        Scheme(scheme="new").fault_of_secret("x")


@pytest.mark.parametrize("name", sorted(set(SCHEMES) - {"ram", "none"}))
def test_an_empty_secret_is_of_no_use_to_any_scheme(name: str) -> None:
    details = {"signature": "header.a", "content": "{body}{secret}"} if name in ("hmac", "hash") else {}
    details |= {"body_hash": "hash"} if name == "jwt" else {}
    scheme = read_auth({"scheme": name, "secrets": ["env:A"], **details})

    assert scheme.fault_of_secret("")
    assert any(scheme.fault_of_secret(secret) is None for secret in ("x", "user:password", "x" * 32))
