"""The interface of every scheme: its settings in the callers file, `verify`, and its inverse `sign`."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from shared.callers.schemes.places import Place
from shared.callers.secret_references import SecretReferences
from shared.runtime.event import Request


class Proof(NamedTuple):
    """What an accepted credential proves.

    Attributes:
        delivery: what identifies this delivery: the id that the sender has signed, else the SHA-256 of what it has
            signed: never of the signature, since several may prove one request. Of a scheme that signs nothing it is
            the `Idempotency-Key` header, and `None` if there is none: an unsigned header never counts for a signed
            request.
        secret: the one that matched, `None` without secrets.
    """

    delivery: str | None = None
    secret: str | None = None


class Scheme(BaseModel):
    """What all schemes share.

    `verify` sees the raw bytes, before they are parsed. Every fault of a credential is `Unauthorized`, never another
    exception. `sign` is its inverse, for senders and tests.
    """

    # Most schemes are in no callers file, so a validator is built only for those that are.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True, defer_build=True)

    scheme: str
    # Whether its caller comes through the HTTP trigger; if not, by direct invocation.
    over_http: ClassVar[bool] = True
    # Whether the sender signs the id that `verify` returns.
    signs: ClassVar[bool] = False
    secrets: SecretReferences | None = None

    def fault_of_secret(self, secret: str) -> str | None:
        """Return why the scheme cannot work with a secret, `None` if it can; one that it cannot counts as unset."""
        raise NotImplementedError

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:
        """Check the credential of a request.

        Args:
            request: the request.
            secrets: those that count now, all usable; any one that matches is enough.
            now: seconds since the epoch.

        Raises:
            Unauthorized: the credential is missing, malformed, wrong or stale.
        """
        raise NotImplementedError

    def sign(self, request: Request, secret: str, now: float) -> Request:
        """Return the request with the credential that `verify` accepts, as a sender would add it.

        Args:
            request: method, path, headers and query, `Host` included where the scheme signs the URL.
            secret: a usable one.
            now: seconds since the epoch.
        """
        raise NotImplementedError

    def tolerance(self) -> int:
        """Return the seconds that a signed timestamp may be away from now; 0 where none is signed."""
        return 0

    @property
    def signs_query(self) -> bool:
        """Whether the query may contain parameters: not if a signature leaves it out."""
        return True

    def places(self) -> Iterator[Place]:
        """Yield the places that the callers file or the vendor's row names."""
        yield from (value for _, value in self if isinstance(value, Place))

    def credential_places(self) -> tuple[Place, ...]:
        """Return the places of keys and signatures: neither expressions nor dead letters see them."""
        return ()

    def credential_headers(self) -> frozenset[str]:
        """Return the headers that contain a credential."""
        return frozenset({"authorization"}) | self._credentials_in("header")

    def credential_query(self) -> frozenset[str]:
        """Return the names in the query that belong to the credential, and not to the payload."""
        return self._credentials_in("query")

    def credential_paths(self) -> list[tuple[str, ...]]:
        """Return the paths of the body that contain a credential."""
        return [place.path for place in self.credential_places() if place.kind == "body"]

    def _credentials_in(self, kind: str) -> frozenset[str]:
        return frozenset(place.name for place in self.credential_places() if place.kind == kind)

    def id_headers(self) -> frozenset[str]:
        """Return the headers that may contain the signed id of the delivery."""
        return frozenset()

    def signed_headers(self) -> frozenset[str]:
        """Return the names of the headers that the signature covers: ids and timestamps, which prove nothing alone."""
        return self.id_headers()

    def secret_components(self, secret: str) -> Iterator[bytes]:  # noqa: ARG002 - most have none
        """Yield what of a secret is one by itself, beside the whole."""
        yield from ()


def idempotency_key_of(request: Request) -> str | None:
    """Return the `Idempotency-Key` of a sender that does not sign; a blank one counts as absent."""
    return request.headers.get("idempotency-key", "").strip() or None


def key_of_content(content: bytes) -> str:
    """Return the key of a delivery without a signed id: the SHA-256 of the signed content."""
    return hashlib.sha256(content).hexdigest()


def any_equal(given: Iterable[str], expected: Sequence[str]) -> bool:
    """Return whether something given equals something expected: in constant time, every pair compared."""
    return first_equal(given, expected) is not None


def first_equal(given: Iterable[str], expected: Sequence[str]) -> int | None:
    """Return the index of the first expected text that equals one given: in constant time, every pair compared.

    Bytes are compared, since `compare_digest` raises on text that is not ASCII.
    """
    candidates = [_bytes(text) for text in given]
    found = None
    for index, text in enumerate(expected):
        wanted = _bytes(text)
        equal = [hmac.compare_digest(candidate, wanted) for candidate in candidates]
        if any(equal) and found is None:
            found = index
    return found


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
