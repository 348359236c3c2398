"""Schemes that show the secret itself: they prove who sends, but nothing about the body."""

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Literal
from urllib.parse import unquote

from shared.callers.schemes.places import Place, Values, WholePlace
from shared.callers.schemes.scheme import Proof, Scheme, first_equal, idempotency_key_of
from shared.callers.secret_references import SecretReferences
from shared.problems import CredentialMismatch, Unauthorized
from shared.runtime.event import Request

# RFC 6750 §2.1, b64token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# What an HTTP header value carries unchanged: visible ASCII, with spaces inside.
_VISIBLE = re.compile(r"[\x21-\x7e]+( +[\x21-\x7e]+)*")
_BYTES_PER_ESCAPE = 3


class Bearer(Scheme):
    """`Authorization: Bearer <token>` (RFC 6750)."""

    scheme: Literal["bearer"]
    secrets: SecretReferences

    def fault_of_secret(self, secret: str) -> str | None:
        """A token has the characters of RFC 6750: no space, no line break."""
        return None if _TOKEN.fullmatch(secret) else "has characters that no bearer token has"

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:  # noqa: ARG002 - one signature for all schemes
        """Compare the token with every secret."""
        return proof_of(request, [_authorization(request, "bearer")], secrets, secrets, "bearer token")

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add the token."""
        return request.with_headers({"authorization": f"Bearer {secret}"})


class Basic(Scheme):
    """`Authorization: Basic <base64 of username:password>` (RFC 7617), in UTF-8; a secret is `username:password`."""

    scheme: Literal["basic"]
    secrets: SecretReferences

    def fault_of_secret(self, secret: str) -> str | None:
        """A secret has both parts, the name without a colon."""
        name, _, password = secret.partition(":")
        return None if name and password and secret.isprintable() else "is not username:password"

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:  # noqa: ARG002 - as above
        """Compare the encoded forms: a decoder would accept several for one secret."""
        expected = [_base64(secret) for secret in secrets]
        return proof_of(request, [_authorization(request, "basic")], expected, secrets, "user name or password")

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add user name and password."""
        return request.with_headers({"authorization": f"Basic {_base64(secret)}"})

    def secret_components(self, secret: str) -> Iterator[bytes]:
        """Yield the password."""
        yield secret.partition(":")[2].encode("utf-8", "surrogatepass")


class ApiKey(Scheme):
    """The secret in a header, in the query (which others may log), or in the body."""

    scheme: Literal["api-key"]
    secrets: SecretReferences
    key: WholePlace = Place("header", "x-api-key")

    def fault_of_secret(self, secret: str) -> str | None:
        """A key is visible ASCII, spaces inside included; a comma is what the platform joins repeated values by."""
        return None if _VISIBLE.fullmatch(secret) and "," not in secret else "has characters that no API key has"

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:  # noqa: ARG002 - as above
        """Compare the key with every secret."""
        given = [key for key in self._keys(request, secrets) if key]
        if not given:
            raise Unauthorized("no API key")
        return proof_of(request, given, secrets, secrets, "API key")

    def _keys(self, request: Request, secrets: Sequence[str]) -> list[str | None]:
        if self.key.kind != "query":
            return [Values(request).at(self.key)]
        given = request.query.get(self.key.name, "")
        # Whether the platform decodes a query is not documented; what is longer than any secret escaped is not decoded.
        longest = _BYTES_PER_ESCAPE * max(map(len, secrets), default=0)
        return [given, unquote(given) if len(given) <= longest else None]

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add the key."""
        return self.key.write(request, secret)

    def credential_places(self) -> tuple[Place, ...]:
        """Return the place of the key."""
        return (self.key,)


def proof_of(
    request: Request, given: Sequence[str], expected: Sequence[str], secrets: Sequence[str], what: str
) -> Proof:
    """Return what a shown secret proves.

    Args:
        request: whose header names the delivery.
        given: what the request shows.
        expected: each secret in the form in which it is shown.
        secrets: in the same order.
        what: is shown, for the log.

    Raises:
        CredentialMismatch: nothing matches.
    """
    matching = first_equal(given, expected)
    if matching is None:
        raise CredentialMismatch(f"{what} does not match")
    return Proof(idempotency_key_of(request), secrets[matching])


def _authorization(request: Request, kind: str) -> str:
    given, _, credential = request.headers.get("authorization", "").partition(" ")
    if given.lower() != kind:
        raise Unauthorized(f"no {kind} credential")
    # RFC 9110 §11.4: one or more spaces.
    return credential.lstrip(" ")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
