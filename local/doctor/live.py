"""Shared parts of the checks over the network: the credentials and the timeout."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import NamedTuple

from local.doctor.case import Case
from shared.runtime.context import Credentials
from shared.settings import Settings

_PATIENCE_S = 10.0
_VARIABLES = tuple(f"ALIBABA_CLOUD_{name}" for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"))
_VISIBLE = re.compile(r"[!-~]*")

NEW_KEY = "export ALIBABA_CLOUD_ACCESS_KEY_ID, …_ACCESS_KEY_SECRET and, for a temporary key, …_SECURITY_TOKEN anew"
CLOCK = "set the clock of this machine: requests are refused if it is wrong by 15 minutes"

# Codes of every API's gateway about a key, its token or its signature, and about the time of a request.
_REMEDIES = (
    (r"(InvalidAccessKeyId|InvalidSecurityToken|MissingAccessKeyId|MissingSecurityToken)(\..+)?", NEW_KEY),
    (r"SignatureDoesNotMatch|IncompleteSignature", NEW_KEY),
    (r"InvalidTimeStamp\..+", CLOCK),
)


class Live(NamedTuple):
    """A case that is checked over the network.

    Attributes:
        case: what is examined.
        settings: the settings of the function.
        credentials: of the user of the doctor; the token is empty for a long-term key.
    """

    case: Case
    settings: Settings
    credentials: Credentials


def credentials_in(shell: Mapping[str, str]) -> Credentials | None:
    """Return the credentials in the shell's variables, `None` without key or secret."""
    key, secret, token = (shell.get(name, "") for name in _VARIABLES)
    return Credentials(key, secret, token) if key and secret else None


def garbled_in(shell: Mapping[str, str]) -> list[str]:
    """Return the credential variables with characters that no credential and no header can have."""
    return [name for name in _VARIABLES if not _VISIBLE.fullmatch(shell.get(name, ""))]


def remedy_of_the_gateway(code: str) -> str | None:
    """Return the remedy for a refusal that every API has, `None` for any other."""
    return next((remedy for pattern, remedy in _REMEDIES if re.fullmatch(pattern, code)), None)


def patience() -> float:
    """Return the deadline of one request, by `time.monotonic()`. It is longer than the function's."""
    return time.monotonic() + _PATIENCE_S
