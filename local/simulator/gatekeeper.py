"""What the OpenAPI gateway checks before the product sees a request, in the gateway's usual order."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from local.simulator import signature_v1, signature_v3
from local.simulator.claim import Claim
from local.simulator.errors import GatewayError
from local.simulator.nonces import Clock, NonceStore
from local.simulator.options import AccessKey
from local.simulator.products import Product
from local.simulator.products.product import Perform
from local.simulator.request import Request

WINDOW = timedelta(minutes=15)

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class Gatekeeper:
    """Lets verified requests for known actions pass.

    Args:
        access_key: the one key that is known.
        products: by the name of each action that is known.
        clock: returns the current time, timezone-aware.
        nonces: of the requests verified so far.
    """

    def __init__(
        self, access_key: AccessKey, products: Mapping[str, Product], clock: Clock, nonces: NonceStore
    ) -> None:
        self._access_key = access_key
        self._products = products
        self._clock = clock
        self._nonces = nonces

    def admit(self, request: Request) -> Perform:
        """Return what carries out a request that passes every check.

        Version and action, access key, timestamp, nonce, signature, token: the order is the usual expectation, the
        real one is not published. What is missing of the action's own parameters is not looked at here.

        Raises:
            GatewayError: the first check that fails.
        """
        perform = self._known_action(request)
        claim = _claim(request)
        if claim.access_key_id != self._access_key.access_key_id:
            raise GatewayError("InvalidAccessKeyId.NotFound")
        self._check_timestamp(claim.timestamp)
        self._check_proof(claim)
        self._check_token(claim.security_token)
        return perform

    def _known_action(self, request: Request) -> Perform:
        if request.path != "/" or request.method not in ("GET", "POST"):
            raise GatewayError("InvalidAction.NotFound")
        if not request.version:
            raise GatewayError.missing("Version")
        if request.version not in {product.version for product in self._products.values()}:
            raise GatewayError("InvalidVersion")
        if not request.action:
            raise GatewayError.missing("Action")
        product = self._products.get(request.action)
        if product is None:
            raise GatewayError("InvalidAction.NotFound")
        if request.version != product.version:
            raise GatewayError("InvalidVersion")
        return product.actions[request.action]

    def _check_timestamp(self, text: str) -> None:
        if not text:
            raise GatewayError.missing("Timestamp")
        if abs(self._clock() - parse_timestamp(text)) > WINDOW:
            raise GatewayError("InvalidTimeStamp.Expired")

    def _check_proof(self, claim: Claim) -> None:
        if not claim.nonce:
            raise GatewayError.missing("SignatureNonce")
        if self._nonces.used(claim.access_key_id, claim.nonce):
            raise GatewayError("SignatureNonceUsed")
        if not claim.holds(self._access_key.access_key_secret):
            raise GatewayError("SignatureDoesNotMatch", claim.mismatch)
        # Only now: a forged request must not use up the nonce of a genuine one.
        if not self._nonces.claim(claim.access_key_id, claim.nonce):
            raise GatewayError("SignatureNonceUsed")

    def _check_token(self, token: str) -> None:
        expected = self._access_key.security_token
        if expected and not token:
            raise GatewayError.missing("SecurityToken")
        if not hmac.compare_digest(token.encode(), expected.encode()):
            raise GatewayError("InvalidSecurityToken.MismatchWithAccessKey")


def parse_timestamp(text: str) -> datetime:
    """Return the time of `YYYY-MM-DDTHH:MM:SSZ`.

    Raises:
        GatewayError: `InvalidTimeStamp.Format`: another shape, or no such time.
    """
    try:
        if _TIMESTAMP.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        pass  # the shape of a time, but a thirteenth month or the like
    raise GatewayError("InvalidTimeStamp.Format")


def _claim(request: Request) -> Claim:
    if "authorization" in request.header_values:
        return signature_v3.claim(request)
    return signature_v1.claim(request)
