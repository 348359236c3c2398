"""The secrets of the callers file that a command can read: variables of the shell, and KMS."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from shared.callers.secret_cache import ReadSecret, SecretCache
from shared.callers.secret_references import KMS, GetSecret, from_environment
from shared.clients import kms
from shared.runtime.context import Credentials, credentials_of, region_of
from shared.settings import Settings, read_settings

_PATIENCE_MS = 60_000


def shell_getter(environ: Mapping[str, str]) -> GetSecret:
    """Return what gets secrets; it asks KMS only for references `kms:NAME`, with the environment's credentials.

    Args:
        environ: the environment; `ALIBABA_CLOUD_*` are the credentials, and `KMS_*` say where KMS is.
    """
    variables, kept = from_environment(environ), SecretCache(kms.read_secret)

    def get_secret(reference: str) -> Sequence[str]:
        if not reference.startswith(KMS):
            return variables(reference)
        settings = read_settings(environ, region=region_of(None, environ))
        # Local commands use a longer KMS timeout.
        settings = settings.model_copy(update={"deadline_ms": _PATIENCE_MS})
        return kept.getter(environ, None, settings, time.monotonic())(reference)

    return get_secret


def shell_reader(environ: Mapping[str, str]) -> ReadSecret:
    """Return what reads a secret of KMS with the credentials of the environment, whichever it is given."""

    def read(name: str, _: Credentials, settings: Settings, deadline: float) -> tuple[str, ...]:
        return kms.read_secret(name, credentials_of(None, environ), settings, deadline)

    return read
