"""The signatures of Twilio and Plivo, which cover the URL and the fields of a form."""

import hashlib
import hmac
import re
import uuid
from collections.abc import Sequence
from typing import ClassVar, Literal

from shared.callers.schemes.places import Place
from shared.callers.schemes.scheme import Proof, Scheme, any_equal, first_equal, key_of_content
from shared.callers.schemes.signature import encode
from shared.callers.schemes.urls import PublicUrl, base_url, signed_urls, with_default_port
from shared.callers.secret_references import SecretReferences
from shared.payload.decode import MAX_PAIRS, decode_query, format_of, read_form
from shared.problems import CredentialMismatch, MalformedRequest, Unauthorized
from shared.runtime.event import Request

_HEADER = "x-twilio-signature"
_BODY_HASH = "bodySHA256"
_SIGNED_HASH = f"{_BODY_HASH}=".encode()
# Its forms have to be read before they are proved; the longest message takes 16 KB.
_MAX_FORM_BYTES = 20_480
# A name with one of these could have been cut out of a query.
_NO_NAME = re.compile(r"[&=?#%]")
_PLIVO, _NONCE = "x-plivo-signature-v3", "x-plivo-signature-v3-nonce"
# No dot, because a dot separates it from the text before it.
_IS_NONCE = re.compile(r"[A-Za-z0-9_-]+")
_MAX_SIGNATURES = 20


class Twilio(Scheme):
    """Twilio, "Webhooks security": HMAC-SHA1 with the account's auth token. It signs no timestamp.

    In what it signs nothing separates URL, fields, names and values: that can be cut anew. What no form of Twilio has
    is refused.
    """

    signs: ClassVar[bool] = True
    scheme: Literal["twilio"]
    secrets: SecretReferences
    public_url: PublicUrl | None = None

    def fault_of_secret(self, secret: str) -> str | None:
        """Any text is a token."""
        return None if secret else "is empty"

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:  # noqa: ARG002 - one signature for all schemes
        """Compute the signature with every secret, with and without the explicit port, and compare.

        A body that is no form is proved by its hash in the signed query; without one, a valid signature would pass
        with any body. Where the query has a hash it counts, or taking the body away would leave a valid signature.
        """
        given = request.headers.get(_HEADER)
        if given is None:
            raise Unauthorized("no signature")
        hashed = _BODY_HASH in request.query or (request.body and not _is_form(request))
        if hashed and not any_equal([request.query.get(_BODY_HASH, "")], [_hash(request.body)]):
            raise Unauthorized("body does not have the hash in the signed query")
        fields = _fields(request)
        urls = signed_urls(request, self.public_url, request.body)
        spelled = dict.fromkeys((*urls, *map(with_default_port, urls)))
        contents = [(url + fields).encode("utf-8", "surrogatepass") for url in spelled]
        if not hashed and any(_SIGNED_HASH in content for content in contents):
            # The end of a query that proves another body, passed off as fields.
            raise Unauthorized("form is malformed")
        expected = [_signature(secret, content, "sha1") for secret in secrets for content in contents]
        matching = first_equal([given], expected)
        if matching is None:
            raise CredentialMismatch("signature does not match")
        secret = secrets[matching // len(contents)]
        return Proof(key_of_content(contents[matching % len(contents)]), secret)

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add the signature. If the body is not a form, add its hash to the query."""
        if request.body and not _is_form(request):
            request = request.with_query({_BODY_HASH: _hash(request.body)})
        content = signed_urls(request, self.public_url, request.body)[0] + _fields(request)
        return request.with_headers({_HEADER: _signature(secret, content.encode("utf-8", "surrogatepass"), "sha1")})

    def credential_places(self) -> tuple[Place, ...]:
        """Return the signature's header, and the parameter of the body's hash."""
        return (Place("header", _HEADER), Place("query", _BODY_HASH))


class Plivo(Scheme):
    """Plivo, "Signature validation", V3: HMAC-SHA256 with the account's auth token, over URL, form and a nonce.

    It signs no timestamp. Names and values of the query are signed as they are read, in the order of their names.
    """

    signs: ClassVar[bool] = True
    scheme: Literal["plivo"]
    secrets: SecretReferences
    public_url: PublicUrl | None = None

    def fault_of_secret(self, secret: str) -> str | None:
        """Any text is a token."""
        return None if secret else "is empty"

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:  # noqa: ARG002 - as above
        """Compute the signature with every secret and compare; while an account changes its token, there are two."""
        given, nonce = request.headers.get(_PLIVO), request.headers.get(_NONCE, "")
        if given is None or not _IS_NONCE.fullmatch(nonce):
            raise Unauthorized("no signature")
        content = self._content(request, nonce)
        expected = [_signature(secret, content, "sha256") for secret in secrets]
        matching = first_equal(given.split(",", _MAX_SIGNATURES), expected)
        if matching is None:
            raise CredentialMismatch("signature does not match")
        return Proof(key_of_content(content), secrets[matching])

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Add the signature and its nonce; an existing nonce is kept."""
        nonce = request.headers.get(_NONCE) or uuid.uuid4().hex
        return request.with_headers(
            {_NONCE: nonce, _PLIVO: _signature(secret, self._content(request, nonce), "sha256")}
        )

    def _content(self, request: Request, nonce: str) -> bytes:
        if request.body and not _is_form(request):
            raise Unauthorized("body is not a form, and no other body is signed")
        try:
            query = sorted(decode_query(request.query, request.raw_query).items())
        except MalformedRequest as error:
            raise Unauthorized(error.reason) from None
        if any(not name or "&" in name + value or "=" in name for name, value in query):
            # It could have been cut out of another query.
            raise Unauthorized("query is malformed")
        url, fields = base_url(request, self.public_url), _fields(request)
        if query or fields:
            url += "?" + "&".join(f"{name}={value}" for name, value in query) + ("." if query and fields else "")
        return f"{url}{fields}.{nonce}".encode("utf-8", "surrogatepass")

    def credential_places(self) -> tuple[Place, ...]:
        """Return the signature's header."""
        return (Place("header", _PLIVO),)

    def signed_headers(self) -> frozenset[str]:
        """Return the nonce's header."""
        return frozenset({_NONCE})


def _is_form(request: Request) -> bool:
    """Whether the body is read as a form later: what is signed as one must not be read as anything else."""
    return format_of(request.headers, request.payload) == "form"


def _fields(request: Request) -> str:
    """Return the fields of a form, sorted, names and values without separators: here the form has to be read first."""
    if not _is_form(request):
        return ""
    if len(request.body) > _MAX_FORM_BYTES:
        raise Unauthorized("form is too long")
    try:
        pairs = read_form(request.body, MAX_PAIRS)
    except ValueError:
        raise Unauthorized("form is malformed") from None
    names = {name for name, _ in pairs}
    if len(names) < len(pairs) or any(not name or _NO_NAME.search(name) for name in names):
        raise Unauthorized("form is malformed")
    return "".join(name + value for name, value in sorted(pairs))


def _signature(secret: str, content: bytes, algorithm: str) -> str:
    return encode(hmac.digest(secret.encode("utf-8", "surrogatepass"), content, algorithm), "base64")


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
