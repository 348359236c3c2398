"""Schemes without a credential in the request."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.callers.schemes.scheme import Proof, Scheme, idempotency_key_of
from shared.problems import Unauthorized
from shared.runtime.event import Request


def _on_purpose(value: bool) -> bool:  # noqa: FBT001 - called by pydantic
    if not value:
        raise PydanticCustomError(
            "anonymous", "Value should be true where the scheme is none, so that anybody may call only on purpose"
        )
    return value


class Ram(Scheme):
    """Direct invocation: RAM has authorised the caller before the function runs."""

    scheme: Literal["ram"]
    secrets: None = None
    over_http: ClassVar[bool] = False

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:  # noqa: ARG002 - one signature for all schemes
        """Refuse what comes over HTTP."""
        if not request.direct:
            raise Unauthorized("caller is for direct invocation only")
        return Proof()


class Anonymous(Scheme):
    """No check at all; has to be asked for twice."""

    scheme: Literal["none"]
    secrets: None = None
    allow_anonymous: Annotated[bool, AfterValidator(_on_purpose)] = Field(default=False, validate_default=True)

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:  # noqa: ARG002 - as above
        """Accept everything."""
        return Proof(idempotency_key_of(request))

    def sign(self, request: Request, secret: str, now: float) -> Request:  # noqa: ARG002 - as above
        """Return the request as it is."""
        return request
