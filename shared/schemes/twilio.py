"""Twilio's signature, which covers the URL and the fields of a form, or the hash of any other body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal
from urllib.parse import parse_qsl

from shared.envelope import Request
from shared.payload import is_form
from shared.problems import CredentialMismatch, Unauthorized
from shared.schemes.scheme import Scheme, any_equal, first_equal
from shared.schemes.signature import encode
from shared.schemes.urls import PublicUrl, signed_urls, with_default_port
from shared.secret_references import SecretReferences

_HEADER = "x-twilio-signature"
_BODY_HASH = "bodySHA256"


class Twilio(Scheme):
    """Twilio, "Webhooks security": HMAC-SHA1 with the account's auth token. It signs no timestamp."""

    scheme: Literal["twilio"]
    secrets: SecretReferences
    public_url: PublicUrl | None = None

    def is_usable(self, secret: str) -> bool:
        """Any text is a token, without white space around it."""
        return bool(secret) and secret == secret.strip()

    def verify(self, request: Request, body: bytes, secrets: Sequence[str], now: float) -> str:  # noqa: ARG002 - one signature for all schemes
        """Compute the signature with every secret, with and without the explicit port, and compare.

        A body that is no form is proved by its hash in the signed query; without one, a valid signature would pass
        with any body. Where the query has a hash it counts, or taking the body away would leave a valid signature.
        """
        given = request.headers.get(_HEADER)
        if given is None:
            raise Unauthorized("no signature")
        hashed = _BODY_HASH in request.query or (body and not is_form(request.headers))
        if hashed and not any_equal([request.query.get(_BODY_HASH, "")], [_hash(body)]):
            raise Unauthorized("body has another hash than the signed query says")
        fields = _fields(request, body)
        urls = signed_urls(request, self.public_url)
        contents = [url + fields for url in (*urls, *map(with_default_port, urls))]
        expected = [_signature(secret, content) for secret in secrets for content in contents]
        matching = first_equal([given], expected)
        if matching is None:
            raise CredentialMismatch("signature does not match")
        return expected[matching]

    def sign(self, request: Request, body: bytes, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add the signature, and the body's hash to the query where the body is no form."""
        if body and not is_form(request.headers):
            request = request.with_query({_BODY_HASH: _hash(body)})
        content = signed_urls(request, self.public_url)[0] + _fields(request, body)
        return request.with_headers({_HEADER: _signature(secret, content)})

    def proof_headers(self) -> frozenset[str]:
        """Return the name of the signature's header, too."""
        return super().proof_headers() | {_HEADER}

    def credential_query(self) -> frozenset[str]:
        """Return the name of the body's hash."""
        return frozenset({_BODY_HASH})


def _fields(request: Request, body: bytes) -> str:
    """Return the fields of a form, sorted, names and values without separators: here the form has to be read first."""
    if not is_form(request.headers):
        return ""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Unauthorized("form is malformed") from None
    return "".join(name + value for name, value in sorted(set(pairs)))


def _signature(secret: str, content: str) -> str:
    key, message = secret.encode("utf-8", "surrogatepass"), content.encode("utf-8", "surrogatepass")
    return encode(hmac.digest(key, message, "sha1"), "base64")


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
