"""Signature V1, HMAC-SHA1: everything that proves the caller travels among the parameters.

Source: "Signature method" of the RPC-style API reference.
https://help.aliyun.com/zh/sdk/product-overview/rpc-mechanism
"""

import base64
import hashlib
import hmac

from local.simulator.claim import Claim
from local.simulator.encoding import canonical_query, percent_encode
from local.simulator.errors import GatewayError
from local.simulator.request import Request


def claim(request: Request) -> Claim:
    """Read the claim of a request that is signed in its parameters.

    Raises:
        GatewayError: `MissingAccessKeyId`, `MissingSignature`, or `IncompleteSignature` for another method or version.
    """
    parameters = request.parameters
    for name in ("AccessKeyId", "Signature"):
        if not parameters.get(name):
            raise GatewayError.missing(name)
    if (parameters.get("SignatureMethod"), parameters.get("SignatureVersion")) != ("HMAC-SHA1", "1.0"):
        raise GatewayError("IncompleteSignature")
    to_sign = string_to_sign(request)
    return Claim(
        access_key_id=parameters["AccessKeyId"],
        timestamp=parameters.get("Timestamp", ""),
        nonce=parameters.get("SignatureNonce", ""),
        security_token=parameters.get("SecurityToken", ""),
        signature=parameters["Signature"],
        string_to_sign=to_sign,
        mismatch=f"Specified signature is not matched with our calculation. server string to sign is:{to_sign}",
        sign=sign,
    )


def string_to_sign(request: Request) -> str:
    """Return method, path and every parameter but `Signature`, of query and form body alike."""
    pairs = [pair for pair in [*request.query_pairs, *request.form_pairs] if pair[0] != "Signature"]
    return f"{request.method}&{percent_encode('/')}&{percent_encode(canonical_query(pairs))}"


def sign(secret: str, to_sign: str) -> str:
    """Return the signature as base64; the key is the secret and an ampersand."""
    digest = hmac.new(f"{secret}&".encode(), to_sign.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
