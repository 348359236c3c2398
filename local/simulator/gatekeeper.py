"""What the OpenAPI gateway checks before the product sees a request, in the gateway's usual order."""

import hmac
import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from local.simulator.errors import GatewayError
from local.simulator.options import AccessKey
from local.simulator.products import BY_ACTION
from local.simulator.products.product import Perform
from local.simulator.request import Request
from local.simulator.signature import Claim, claim

Clock = Callable[[], datetime]

WINDOW = timedelta(minutes=15)

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class Gatekeeper:
    """Lets verified requests for known actions pass; safe for threads.

    Args:
        access_key: the one key that is known.
        clock: returns the current time, timezone-aware.
    """

    def __init__(self, access_key: AccessKey, clock: Clock) -> None:
        self._access_key = access_key
        self._clock = clock
        self._nonces: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def admit(self, request: Request) -> Perform:
        """Return a function that carries out the request, if it passes every check.

        Version and action, access key, timestamp, signature, nonce, token: the order is the usual expectation, the
        real one is not published. The action's own parameters are not checked here.

        Raises:
            GatewayError: the first check that fails.
        """
        perform = _known_action(request)
        if not request.header("authorization"):
            raise GatewayError.missing("AccessKeyId")
        found = claim(request)
        if found.access_key_id != self._access_key.access_key_id:
            raise GatewayError("InvalidAccessKeyId.NotFound")
        self._check_timestamp(found.timestamp)
        self._check_proof(found)
        self._check_token(found.security_token)
        return perform

    def forget(self) -> None:
        """Forget every nonce."""
        with self._lock:
            self._nonces.clear()

    def _check_timestamp(self, text: str) -> None:
        if not text:
            raise GatewayError.missing("Timestamp")
        if abs(self._clock() - parse_timestamp(text)) > WINDOW:
            raise GatewayError("InvalidTimeStamp.Expired")

    def _check_proof(self, found: Claim) -> None:
        if not found.nonce:
            raise GatewayError.missing("SignatureNonce")
        if not found.holds(self._access_key.access_key_secret):
            raise GatewayError("SignatureDoesNotMatch", found.mismatch)
        # Only now: a forged request must not use up the nonce of a genuine one.
        with self._lock:
            self._forget_old_nonces()
            if found.nonce in self._nonces:
                raise GatewayError("SignatureNonceUsed")
            self._nonces[found.nonce] = self._clock()

    def _forget_old_nonces(self) -> None:
        """Keep nonces for twice the window, because a request may be dated at its far end."""
        oldest_kept = self._clock() - 2 * WINDOW
        # The dict is in the order of time, so only its beginning can be old.
        while self._nonces and self._nonces[next(iter(self._nonces))] < oldest_kept:
            del self._nonces[next(iter(self._nonces))]

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


def _known_action(request: Request) -> Perform:
    if request.path != "/" or request.method not in ("GET", "POST"):
        raise GatewayError("InvalidAction.NotFound")
    if not request.version:
        raise GatewayError.missing("Version")
    if request.version not in {product.version for product in BY_ACTION.values()}:
        raise GatewayError("InvalidVersion")
    if not request.action:
        raise GatewayError.missing("Action")
    product = BY_ACTION.get(request.action)
    if product is None:
        raise GatewayError("InvalidAction.NotFound")
    if request.version != product.version:
        raise GatewayError("InvalidVersion")
    return product.actions[request.action]
