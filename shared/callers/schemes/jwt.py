"""JSON Web Tokens that are signed with a shared secret (RFC 7515 and 7519)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.callers.schemes.places import Place, Values, WholePlace
from shared.callers.schemes.scheme import Proof, Scheme, first_equal, key_of_content
from shared.callers.schemes.signature import check_moment, encode
from shared.callers.secret_references import SecretReferences
from shared.payload.decode import decode_json
from shared.problems import CredentialMismatch, MalformedRequest, Unauthorized
from shared.runtime.event import Request
from shared.validation import whole_number

_TOKEN = re.compile(r"([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
_TIMES = ("exp", "nbf", "iat")
# Beyond any real time; a larger float may have lost its seconds.
_END_OF_TIME = 10**12


class Jwt(Scheme):
    """A JSON Web Token that is signed with a shared secret. The callers file sets the algorithm."""

    signs: ClassVar[bool] = True
    secrets: SecretReferences
    token: WholePlace = Place("header", "authorization")
    algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    body_hash: Annotated[str, Field(min_length=1)] | None = None
    covers_body: bool = True
    claims: dict[str, str] = Field({})
    tolerance_seconds: Annotated[int, whole_number(1, 86_400)] = 300

    @model_validator(mode="after")
    def _is_consistent(self) -> Jwt:
        for fault in self._faults():
            raise PydanticCustomError("token", "{fault}", {"fault": fault})
        return self

    def _faults(self) -> Iterator[str]:
        if self.covers_body and not self.body_hash:
            yield "body_hash is missing, so anybody could change the body: add body_hash, or set covers_body = false"
        if self.body_hash and not self.covers_body:
            yield "covers_body = false contradicts body_hash: remove one of them"
        if self.body_hash and self.token.kind == "body":
            yield "token is inside the body that it signs: use another place"
        if self.body_hash in _TIMES:
            yield "body_hash cannot be exp, nbf or iat, which hold times: use another claim"
        if not self.claims.keys().isdisjoint((*_TIMES, self.body_hash)):
            yield "claims cannot name exp, nbf, iat or the claim of body_hash, which differ in each token: remove them"

    def fault_of_secret(self, secret: str) -> str | None:
        """Any text is a key, except zeros: HMAC pads with zeros, so that is an empty key."""
        return None if secret.strip("\0") else "is empty"

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:
        """Compute the signature with every secret and compare. The token is read only after that."""
        given = Values(request).at(self.token)
        if not given:
            raise Unauthorized("no token")
        word, _, rest = given.partition(" ")
        match = _TOKEN.fullmatch(rest.lstrip(" ") if word.lower() == "bearer" else given)
        if match is None:
            raise Unauthorized("token is malformed")
        content, signature = match.groups()
        matching = first_equal([signature], [self._signature(secret, content) for secret in secrets])
        if matching is None:
            raise CredentialMismatch("signature of the token does not match")
        header, claims = map(_decoded, content.split("."))
        if header.get("alg") != self.algorithm or "crit" in header:
            raise Unauthorized(f"token is not {self.algorithm}, or has extensions")
        self._check_claims(claims, request)
        self._check_times(claims, now)
        delivery = claims.get("jti", key_of_content(content.encode()))
        if not isinstance(delivery, str) or not delivery:
            raise Unauthorized("id of the token is malformed")
        return Proof(delivery, secrets[matching])

    def _check_claims(self, claims: Mapping[str, Any], request: Request) -> None:
        for name, wanted in self.claims.items():
            found = claims.get(name)
            if wanted not in (found if isinstance(found, list) else [found]):
                raise Unauthorized(f"claim {name} of the token has another value")
        if self.body_hash and str(claims.get(self.body_hash)).lower() != _hash(request.body):
            raise Unauthorized("body does not have the hash in the token")

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        """Check that a token has not expired: by its `exp`, or else by its age."""
        times = {name: claims[name] for name in _TIMES if name in claims}
        for moment in times.values():
            if isinstance(moment, bool) or not isinstance(moment, (int, float)) or not 0 <= moment < _END_OF_TIME:
                raise Unauthorized("a time of the token is malformed")
        if not times.keys() & {"exp", "iat"}:
            raise Unauthorized("token has neither exp nor iat")
        if times.get("exp", _END_OF_TIME) <= now:
            raise Unauthorized(f"token has expired {math.ceil(now - times['exp'])} s ago by this clock")
        if times.get("nbf", 0) > now + self.tolerance_seconds:
            raise Unauthorized("token is not valid yet by this clock")
        if "exp" not in times or times.get("iat", 0) > now:
            check_moment(times["iat"], now, self.tolerance_seconds)

    def sign(self, request: Request, secret: str, now: float) -> Request:
        """Add a token that has what `verify` needs."""
        claims: dict[str, Any] = {"iat": int(now), **self.claims}
        if self.body_hash:
            claims[self.body_hash] = _hash(request.body)
        content = ".".join(map(_encoded, ({"alg": self.algorithm, "typ": "JWT"}, claims)))
        before = "Bearer " if self.token == Place("header", "authorization") else ""
        return self.token.write(request, f"{before}{content}.{self._signature(secret, content)}")

    def tolerance(self) -> int:
        """Return the window of a token without an expiry."""
        return self.tolerance_seconds

    @property
    def signs_query(self) -> bool:
        """No token covers the query."""
        return False

    def credential_places(self) -> tuple[Place, ...]:
        """Return the place of the token."""
        return (self.token,)

    def _signature(self, secret: str, content: str) -> str:
        key = secret.encode("utf-8", "surrogatepass")
        return encode(hmac.digest(key, content.encode(), _HASHES[self.algorithm]), "base64url").rstrip("=")


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _encoded(table: Mapping[str, Any]) -> str:
    return encode(json.dumps(table, separators=(",", ":")).encode(), "base64url").rstrip("=")


def _decoded(part: str) -> dict[str, Any]:
    """Return the JSON object in a part of a token."""
    try:
        found: dict[str, Any] = decode_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, MalformedRequest):
        raise Unauthorized("token is malformed") from None
    return found
