"""Schemes that show the secret itself: they prove who sends, and nothing about the body."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.callers.schemes.scheme import Scheme, any_equal, idempotency_key_of
from shared.callers.secret_references import SecretReferences
from shared.problems import CredentialMismatch, Unauthorized
from shared.runtime.event import Request
from shared.validation import says

# RFC 6750 §2.1, b64token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# What an HTTP header value carries unchanged: visible ASCII.
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_BYTES_PER_ESCAPE = 3

HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", to_lower=True),
    says("Header should be the name of one, without spaces and without a colon"),
]


class Bearer(Scheme):
    """`Authorization: Bearer <token>` (RFC 6750)."""

    scheme: Literal["bearer"]
    secrets: SecretReferences

    def is_usable(self, secret: str) -> bool:
        """A token has the characters of RFC 6750: no space, no line break."""
        return _TOKEN.fullmatch(secret) is not None

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> str | None:  # noqa: ARG002 - one signature for all schemes
        """Compare the token with every secret."""
        if not any_equal([_authorization(request, "bearer")], secrets):
            raise CredentialMismatch("bearer token does not match")
        return idempotency_key_of(request)

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add the token."""
        return request.with_headers({"authorization": f"Bearer {secret}"})


class Basic(Scheme):
    """`Authorization: Basic <base64 of username:password>` (RFC 7617), in UTF-8; a secret is `username:password`."""

    scheme: Literal["basic"]
    secrets: SecretReferences

    def is_usable(self, secret: str) -> bool:
        """A secret has both parts, the name without a colon."""
        name, colon, password = secret.partition(":")
        return bool(name and colon and password) and secret.isprintable()

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> str | None:  # noqa: ARG002 - as above
        """Compare the encoded forms: a decoder would accept several for one secret."""
        if not any_equal([_authorization(request, "basic")], [_base64(secret) for secret in secrets]):
            raise CredentialMismatch("user name or password does not match")
        return idempotency_key_of(request)

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add user name and password."""
        return request.with_headers({"authorization": f"Basic {_base64(secret)}"})

    def parts(self, secret: str) -> Iterator[bytes]:
        """Yield the password."""
        yield secret.partition(":")[2].encode("utf-8", "surrogatepass")


class ApiKey(Scheme):
    """The secret in a header of its own, or, chosen on purpose, in the query, where logs of others may keep it."""

    scheme: Literal["api-key"]
    secrets: SecretReferences
    header: HeaderName | None = None
    query: Annotated[str, StringConstraints(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> ApiKey:
        if self.header and self.query:
            raise PydanticCustomError("place", "header and query exclude each other")
        return self

    @property
    def _header(self) -> str:
        return self.header or "x-api-key"

    def is_usable(self, secret: str) -> bool:
        """A key is visible ASCII, without a comma, by which the platform joins repeated values."""
        return _VISIBLE.fullmatch(secret) is not None and "," not in secret

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> str | None:  # noqa: ARG002 - as above
        """Compare the key with every secret."""
        given = request.query.get(self.query) if self.query else request.headers.get(self._header)
        if not given:
            raise Unauthorized("no API key")
        # Whether the platform decodes a query is not documented; what is longer than any secret escaped is not decoded.
        longest = _BYTES_PER_ESCAPE * max(map(len, secrets), default=0)
        decoded = [unquote(given)] if self.query and len(given) <= longest else []
        if not any_equal([given, *decoded], secrets):
            raise CredentialMismatch("API key does not match")
        return idempotency_key_of(request)

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add the key."""
        if self.query:
            return request.with_query({self.query: secret})
        return request.with_headers({self._header: secret})

    def credential_headers(self) -> frozenset[str]:
        """Return the name of the key's header, too."""
        return super().credential_headers() | {self._header}

    def credential_query(self) -> frozenset[str]:
        """Return the name of the key."""
        return frozenset({self.query} if self.query else ())


def _authorization(request: Request, kind: str) -> str:
    given, _, credential = request.headers.get("authorization", "").partition(" ")
    if given.lower() != kind:
        raise Unauthorized(f"no {kind} credential")
    # RFC 9110 §11.4: one or more spaces.
    return credential.lstrip(" ")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
