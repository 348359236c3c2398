"""What a signed request claims about itself, whichever signature version it uses."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

Sign = Callable[[str, str], str]


@dataclass(frozen=True)
class Claim:
    """The claims of a request, and what checking them takes; nothing of it is to be trusted before `holds`.

    Attributes:
        access_key_id: the key the request says it is signed with.
        timestamp: as sent, or empty.
        nonce: as sent, or empty.
        security_token: as sent, or empty.
        signature: as sent.
        string_to_sign: what the signature must have been computed over, as the server sees the request.
        mismatch: the message of SignatureDoesNotMatch: like the real one it shows the server's view.
        sign: computes a signature from secret and string to sign.
    """

    access_key_id: str
    timestamp: str
    nonce: str
    security_token: str
    signature: str
    string_to_sign: str
    mismatch: str
    sign: Sign

    def holds(self, access_key_secret: str) -> bool:
        """Say whether the signature was made with the secret over this very request; takes constant time."""
        expected = self.sign(access_key_secret, self.string_to_sign)
        return hmac.compare_digest(expected.encode(), self.signature.encode())
