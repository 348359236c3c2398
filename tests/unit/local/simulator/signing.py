"""Builds signed requests as a client would; the defaults are valid, each test bends one thing."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timezone
from itertools import count
from urllib.parse import quote, urlencode

from local.simulator.request import Request

NOW = datetime(2026, 11, 22, 5, 34, 19, tzinfo=timezone.utc)
STAMP = "2026-11-22T05:34:19Z"
MUTE = {
    "InstanceId": "ccc-test",
    "JobId": "job-65815360847228928",
    "UserId": "user-test@ccc-test",
    "DeviceId": "device",
}

_numbers = count()


def unused_nonce() -> str:
    return f"{next(_numbers):032x}"


def signed(
    parameters: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    path: str = "/",
    access_key_id: str = "STS.local",
    secret: str = "local-secret",
    headers: Mapping[str, str] | None = None,
    unsigned: Mapping[str, str] | None = None,
    leave_out: tuple[str, ...] = (),
    body: bytes = b"",
) -> Request:
    """Return a MuteCall signed with ACS3-HMAC-SHA256, `headers` changed before signing and `unsigned` added after."""
    sent = {
        "host": "127.0.0.1",
        "accept": "application/json",
        "x-acs-action": "MuteCall",
        "x-acs-version": "2020-07-01",
        "x-acs-date": STAMP,
        "x-acs-signature-nonce": unused_nonce(),
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-acs-accesskey-id": access_key_id,
        "x-acs-security-token": "local-token",
        **(headers or {}),
    }
    for name in leave_out:
        del sent[name]
    query = MUTE if parameters is None else parameters
    names = sorted(sent)
    canonical = "\n".join(
        [
            method,
            path,
            "&".join(f"{quote(key, safe='~')}={quote(query[key], safe='~')}" for key in sorted(query)),
            "".join(f"{name}:{sent[name]}\n" for name in names),
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(secret.encode(), to_sign.encode(), "sha256").hexdigest()
    authorization = f"ACS3-HMAC-SHA256 Credential={access_key_id},SignedHeaders={';'.join(names)},Signature={signature}"
    every = {**sent, "Authorization": authorization, **(unsigned or {})}
    return Request(method, f"{path}?{urlencode(query)}", tuple(every.items()), body)
