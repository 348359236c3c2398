"""Signature V3, ACS3-HMAC-SHA256: the `Authorization` header over a canonical request.

Source: "Request syntax and signature method V3" of the Alibaba Cloud API reference; what the SDK sends was checked
against it. https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from local.simulator.errors import GatewayError
from local.simulator.request import Request

ALGORITHM = "ACS3-HMAC-SHA256"
PARTS = ("Credential", "SignedHeaders", "Signature")

_HEADER_NAMES = re.compile(r"[a-z0-9-]+(;[a-z0-9-]+)*")


@dataclass(frozen=True)
class Claim:
    """What a signed request claims; do not trust any of it before `holds`.

    Attributes:
        access_key_id: the key the request says it is signed with.
        timestamp: as sent, or empty.
        nonce: as sent, or empty.
        security_token: as sent, or empty.
        signature: as sent.
        canonical: the request as the server sees it, reduced to what is signed.
    """

    access_key_id: str
    timestamp: str
    nonce: str
    security_token: str
    signature: str
    canonical: str

    @property
    def string_to_sign(self) -> str:
        """The algorithm and the hash of the canonical request, one a line."""
        return f"{ALGORITHM}\n{hashlib.sha256(self.canonical.encode()).hexdigest()}"

    @property
    def mismatch(self) -> str:
        """The message of SignatureDoesNotMatch: like the real one it shows the server's view."""
        return (
            "Specified signature does not match our calculation. "
            f"server StringToSign is [{self.string_to_sign}] server CanonicalRequest is [{self.canonical}]"
        )

    def holds(self, access_key_secret: str) -> bool:
        """Say whether the signature was made with the secret over this very request; takes constant time."""
        expected = hmac.new(access_key_secret.encode(), self.string_to_sign.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), self.signature.encode())


def claim(request: Request) -> Claim:
    """Read the claim of a request.

    Raises:
        GatewayError: `IncompleteSignature`: another algorithm, a part missing, doubled or unknown, a signed header
            that is not there, or `host` or an `x-acs-*` header that is there but not signed.
    """
    parts = _parse_authorization(request.header("authorization"))
    signed_headers = parts["SignedHeaders"].split(";")
    _require_signed(request, signed_headers)
    return Claim(
        access_key_id=parts["Credential"],
        timestamp=request.header("x-acs-date"),
        nonce=request.header("x-acs-signature-nonce"),
        security_token=request.header("x-acs-security-token"),
        signature=parts["Signature"],
        canonical=canonical_request(request, signed_headers),
    )


def canonical_request(request: Request, signed_headers: list[str]) -> str:
    """Return the text that the request is reduced to before it is signed; only the listed headers are part of it."""
    lines = [f"{name}:{','.join(sorted(request.header_values[name]))}\n" for name in signed_headers]
    return "\n".join(
        [
            request.method,
            request.path,
            _canonical_query(request.query_pairs),
            "".join(lines),
            ";".join(signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )


def _canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the decoded pairs, encoded anew by RFC 3986 and sorted by key; empty values keep their `=`."""
    encoded = sorted((quote(key, safe="~"), quote(value, safe="~")) for key, value in pairs)
    return "&".join(f"{key}={value}" for key, value in encoded)


def _parse_authorization(value: str) -> dict[str, str]:
    """Return the three parts of an `Authorization` value by name: each once, none of them empty."""
    algorithm, _, rest = value.partition(" ")
    pairs = [part.strip().partition("=") for part in rest.split(",")]
    parts = {name: text for name, _, text in pairs}
    complete = len(pairs) == len(PARTS) and set(parts) == set(PARTS) and all(parts.values())
    if algorithm != ALGORITHM or not complete or not _HEADER_NAMES.fullmatch(parts["SignedHeaders"]):
        raise GatewayError("IncompleteSignature")
    return parts


def _require_signed(request: Request, signed_headers: list[str]) -> None:
    present = request.header_values
    needed = {"host"} | {name for name in present if name.startswith("x-acs-")}
    doubled = len(set(signed_headers)) != len(signed_headers)
    if doubled or not needed <= set(signed_headers) or not set(signed_headers) <= set(present):
        raise GatewayError("IncompleteSignature")
