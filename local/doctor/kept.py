"""The services where the function stores or reads things: KMS for secrets, Redis for keys, OSS for dead letters."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

from local.doctor.check import Check, failed, ok, skipped
from local.doctor.configuration import UNSEEN
from local.doctor.live import Live, patience
from shared import dead_letters
from shared.callers.schemes import Scheme
from shared.callers.secret_references import KMS, OPTIONAL, SecretUnavailableError, fault_of
from shared.clients import kms
from shared.idempotency import CLAIM, StoreError, open_store
from shared.problems import ConfigurationError

_URL = "IDEMPOTENCY_URL"
_OBJECT = "doctor.json"
_LEASE_MS = 1000
_IN_KMS = 'docs/deploy.md, "Secrets in KMS"'
# Objects are never overwritten.
_ALREADY_THERE = "FileAlreadyExists"


def check_kms(live: Live) -> Iterator[Check]:
    """Read every secret that the callers file refers to as `kms:NAME`; none is shown."""
    callers = live.case.callers.callers if live.case.callers else {}
    for name, caller in callers.items():
        for scheme in caller.schemes:
            for reference in scheme.secrets or ():
                if reference.startswith(KMS):
                    yield _secret(live, name, scheme, reference)


def check_store(live: Live) -> Iterator[Check]:
    """Claim an unused key, and release it."""
    url = live.settings.idempotency_url.get_secret_value()
    if _URL in live.case.deployment.unseen:
        yield skipped("idempotency", f"{_URL}: {UNSEEN}")
        return
    if url == "memory://":
        yield ok("idempotency", "memory://, separate for each instance")
        return
    place = f"{urlsplit(url).scheme}://{urlsplit(url).hostname}"
    store, key, claim = open_store(url), f"doctor:{uuid.uuid4()}", f"{CLAIM}doctor"
    try:
        store.claim(key, claim, _LEASE_MS, patience())
        store.release(key, claim, patience())
    except StoreError as error:
        remedy = (
            'IDEMPOTENCY_URL (a Redis in a VPC is reachable only there); docs/deploy.md, "Redis for idempotency keys"'
        )
        yield failed("idempotency", f"{place}: {error}", remedy)
    else:
        yield ok("idempotency", f"{place} accepts and releases a claim")


def check_letters(live: Live) -> Iterator[Check]:
    """Write a small object to the place of the dead letters, unless it exists: it is never overwritten."""
    write = dead_letters.open_dead_letters(live.settings)
    if write is None:
        return
    place = f"{live.settings.dead_letter_url}".rstrip("/")
    content = json.dumps({"doctor": "a test of writing; may be deleted"}).encode()
    try:
        write(_OBJECT, content, live.credentials, patience())
    except dead_letters.DeadLetterError as error:
        if _ALREADY_THERE in str(error):
            # OSS has accepted the request up to the check for an existing object.
            yield ok("dead letters", f"{place}/{_OBJECT} exists from an earlier check, and may be written")
            return
        remedy = f"DEAD_LETTER_URL, OSS_REGION, and oss:PutObject on it; {live.settings.oss_endpoint} must be reachable"
        yield failed("dead letters", f"{place}: {error}", remedy)
    else:
        yield ok("dead letters", f"{place}/{_OBJECT} was written; it may be deleted")


def _secret(live: Live, caller_name: str, scheme: Scheme, reference: str) -> Check:
    bare = reference.removesuffix(OPTIONAL)
    name = bare.removeprefix(KMS)
    told = f"{bare} of the caller {caller_name}"
    try:
        values = kms.read_secret(name, live.credentials, live.settings, patience())
    except ConfigurationError as error:
        return failed("secrets", error.reason, f"permit kms:GetSecretValue on {name}: {_IN_KMS}")
    except SecretUnavailableError as error:
        return failed(
            "secrets", str(error), f"KMS_REGION, KMS_ENDPOINT: is {live.settings.kms_endpoint} right, and reached"
        )
    # The first version is the current one. If it is unusable, only senders with the previous one are accepted.
    fault = fault_of(values[0], scheme.fault_of_secret) if values else None
    if fault:
        remedy = f'a version of {name} in the form of the scheme {scheme.scheme}; docs/contract.md, "Schemes"'
        return failed("secrets", f"{told}: its current version {fault}", remedy)
    if values:
        usable = sum(fault_of(value, scheme.fault_of_secret) is None for value in values)
        return ok("secrets", f"{told} can be read, usable versions: {usable}")
    if bare != reference:
        return ok("secrets", f"{told} is not there, which is allowed")
    return failed(
        "secrets", f"{told} is not there", f"aliyun kms CreateSecret --SecretName {name} …: {_IN_KMS}; or KMS_REGION"
    )
