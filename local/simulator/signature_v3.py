"""Signature V3, ACS3-HMAC-SHA256: the `Authorization` header over a canonical request.

Source: "Request syntax and signature method V3" of the Alibaba Cloud API reference; what the SDK sends was checked
against it. https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
"""

import hashlib
import hmac
import re

from local.simulator.claim import Claim
from local.simulator.encoding import canonical_query
from local.simulator.errors import GatewayError
from local.simulator.request import Request

ALGORITHM = "ACS3-HMAC-SHA256"
PARTS = ("Credential", "SignedHeaders", "Signature")

_HEADER_NAMES = re.compile(r"[a-z0-9-]+(;[a-z0-9-]+)*")


def claim(request: Request) -> Claim:
    """Read the claim of a request that has an `Authorization` header.

    Raises:
        GatewayError: `IncompleteSignature`: another algorithm, a part missing, doubled or unknown, a signed header
            that is not there, or `host` or an `x-acs-*` header that is there but not signed.
    """
    parts = parse_authorization(request.header("authorization"))
    signed_headers = parts["SignedHeaders"].split(";")
    _require_signed(request, signed_headers)
    canonical = canonical_request(request, signed_headers)
    to_sign = string_to_sign(canonical)
    return Claim(
        access_key_id=parts["Credential"],
        timestamp=request.header("x-acs-date"),
        nonce=request.header("x-acs-signature-nonce"),
        security_token=request.header("x-acs-security-token"),
        signature=parts["Signature"],
        string_to_sign=to_sign,
        mismatch="Specified signature does not match our calculation. "
        f"server StringToSign is [{to_sign}] server CanonicalRequest is [{canonical}]",
        sign=sign,
    )


def parse_authorization(value: str) -> dict[str, str]:
    """Return the three parts of an `Authorization` value by name.

    Raises:
        GatewayError: `IncompleteSignature`: anything but the algorithm and each part once, none of them empty.
    """
    algorithm, _, rest = value.partition(" ")
    pairs = [part.strip().partition("=") for part in rest.split(",")]
    parts = {name: text for name, _, text in pairs}
    complete = len(pairs) == len(PARTS) and set(parts) == set(PARTS) and all(parts.values())
    if algorithm != ALGORITHM or not complete or not _HEADER_NAMES.fullmatch(parts["SignedHeaders"]):
        raise GatewayError("IncompleteSignature")
    return parts


def canonical_request(request: Request, signed_headers: list[str]) -> str:
    """Return the text that the request is reduced to before it is signed; only the listed headers are part of it."""
    lines = [f"{name}:{','.join(sorted(request.header_values[name]))}\n" for name in signed_headers]
    return "\n".join(
        [
            request.method,
            request.path,
            canonical_query(request.query_pairs),
            "".join(lines),
            ";".join(signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )


def string_to_sign(canonical: str) -> str:
    """Return the algorithm and the hash of the canonical request, one a line."""
    return f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def sign(secret: str, to_sign: str) -> str:
    """Return the signature as lower-case hex; the secret is the key as it is."""
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _require_signed(request: Request, signed_headers: list[str]) -> None:
    present = request.header_values
    needed = {"host"} | {name for name in present if name.startswith("x-acs-")}
    doubled = len(set(signed_headers)) != len(signed_headers)
    if doubled or not needed <= set(signed_headers) or not set(signed_headers) <= set(present):
        raise GatewayError("IncompleteSignature")
