"""What every scheme is: its settings in the callers file, a check, and what a sender does to pass it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from shared.callers.secret_references import SecretReferences
from shared.runtime.event import Request


class Scheme(BaseModel):
    """What all schemes share.

    `verify` sees the raw bytes, before anything of them is parsed; whatever is wrong with a credential is
    `Unauthorized`, never another exception. `sign` stands beside it, for senders and tests.
    """

    # Most schemes are in no callers file: a validator is built for those alone that are.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True, defer_build=True)

    scheme: str
    # Whether its caller comes through the HTTP trigger; if not, by direct invocation.
    over_http: ClassVar[bool] = True
    # Whether the sender signs, so that what `verify` returns is its word.
    signs: ClassVar[bool] = False
    secrets: SecretReferences | None = None

    def is_usable(self, secret: str) -> bool:
        """Whether the scheme can work with this secret; one that it cannot counts as unset."""
        raise NotImplementedError

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> str | None:
        """Check the credential of a request and return what tells this delivery from others.

        That is the id that the sender has signed, else the SHA-256 of what it has signed: never of the signature, since
        several may prove one request. Of a scheme that signs nothing it is the `Idempotency-Key` header, and `None` if
        there is none: an unsigned header never counts for a signed request.

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

    def handshake(self, request: Request, payload: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002 - most have none
        """Return the answer that the sender expects before its first webhook, if this request asks for it."""
        return None

    @property
    def covers_query(self) -> bool:
        """Whether the query may hold parameters: not where a signature proves the rest of the request alone."""
        return True

    def credential_headers(self) -> frozenset[str]:
        """Return the names of the headers that show a secret; expressions do not see them."""
        return frozenset({"authorization"})

    def proof_headers(self) -> frozenset[str]:
        """Return the names of the headers that prove who sends: those that show a secret, and signatures."""
        return self.credential_headers()

    def id_headers(self) -> frozenset[str]:
        """Return the names of the headers that may hold the id of the delivery, where the sender signs one."""
        return frozenset()

    def signed_headers(self) -> frozenset[str]:
        """Return the names of the headers that the signature covers: ids and timestamps, which prove nothing alone."""
        return self.id_headers()

    def parts(self, secret: str) -> Iterator[bytes]:  # noqa: ARG002 - most have none
        """Yield what of a secret is one by itself, beside the whole."""
        yield from ()

    def credential_query(self) -> frozenset[str]:
        """Return the names in the query that belong to the credential, and not to the payload."""
        return frozenset()


def idempotency_key_of(request: Request) -> str | None:
    """Return the header by which a sender without signatures names a delivery; a blank one is none."""
    return request.headers.get("idempotency-key", "").strip() or None


def key_of_content(content: bytes) -> str:
    """Return what tells a delivery whose sender signs no id from others: the SHA-256 of what was signed."""
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
