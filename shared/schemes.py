"""How callers prove who they are: one model per scheme, with its settings and its check.

A scheme is added by writing its model and naming it in `Auth`. `verify` sees the raw bytes, before anything of them is
parsed; whatever is wrong with a credential is `Unauthorized`, never another exception.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.envelope import Request
from shared.problems import Unauthorized
from shared.secret_references import SecretReferences

# RFC 6750 §2.1, b64token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def _on_purpose(value: bool) -> bool:  # noqa: FBT001 - called by pydantic
    if not value:
        raise PydanticCustomError("anonymous", "Must be true where the scheme is none")
    return value


class Scheme(BaseModel):
    """What all schemes share."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)

    # Whether its caller comes through the HTTP trigger; if not, by direct invocation.
    over_http: ClassVar[bool] = True
    secrets: SecretReferences | None = None

    @staticmethod
    def is_usable(secret: str) -> bool:
        """Whether the scheme can work with this secret."""
        return bool(secret)

    def verify(self, request: Request, body: bytes, secrets: Sequence[str], now: float) -> None:
        """Check the credential of a request.

        Args:
            request: the request.
            body: its raw bytes.
            secrets: those that count now; any one that matches is enough.
            now: seconds since the epoch.

        Raises:
            Unauthorized: the credential is missing, malformed, wrong or stale.
        """
        raise NotImplementedError


class Bearer(Scheme):
    """`Authorization: Bearer <token>` (RFC 6750)."""

    scheme: Literal["bearer"]
    secrets: SecretReferences

    @staticmethod
    def is_usable(secret: str) -> bool:
        """A token has the characters of RFC 6750: no space, no line break."""
        return _TOKEN.fullmatch(secret) is not None

    def verify(self, request: Request, body: bytes, secrets: Sequence[str], now: float) -> None:  # noqa: ARG002 - the body and the clock are for signatures
        """Compare the token with every secret, in constant time."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise Unauthorized("no bearer token")
        if not _any_equal(token, secrets):
            raise Unauthorized("bearer token does not match")


class Ram(Scheme):
    """Direct invocation: RAM has authorised the caller before the function runs."""

    scheme: Literal["ram"]
    secrets: None = None
    over_http: ClassVar[bool] = False

    def verify(self, request: Request, body: bytes, secrets: Sequence[str], now: float) -> None:  # noqa: ARG002 - one signature for all schemes
        """Refuse what comes over HTTP."""
        if not request.direct:
            raise Unauthorized("caller is for direct invocation only")


class Anonymous(Scheme):
    """No check at all; has to be asked for twice."""

    scheme: Literal["none"]
    secrets: None = None
    allow_anonymous: Annotated[bool, AfterValidator(_on_purpose)]

    def verify(self, request: Request, body: bytes, secrets: Sequence[str], now: float) -> None:
        """Accept everything."""


Auth = Annotated[Bearer | Ram | Anonymous, Field(discriminator="scheme")]


def _any_equal(given: str, expected: Sequence[str]) -> bool:
    # Bytes: `compare_digest` raises on text that is not ASCII. Every secret is compared, found or not.
    found = False
    for secret in expected:
        found |= hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass"))
    return found
