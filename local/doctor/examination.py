"""The checks in their order: first those on this machine, then, if asked for, those over the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from local.doctor.account import check_clock, check_identity
from local.doctor.call_centre import check_ccc
from local.doctor.case import Case
from local.doctor.check import Check, Status, failed, skipped
from local.doctor.configuration import check_callers, check_secrets, check_variables
from local.doctor.kept import check_kms, check_letters, check_store
from local.doctor.live import NEW_KEY, Live, credentials_in, garbled_in
from local.doctor.logs import check_index
from local.doctor.own_secrets import check_own_secrets
from local.doctor.package import check_package
from local.doctor.rights import check_rights
from local.doctor.s_yaml import check_s_yaml

_Examined = TypeVar("_Examined")


@dataclass(frozen=True)
class Examination(Generic[_Examined]):
    """A row of the tables below.

    Attributes:
        what: the condition that must hold.
        how: makes the check; yields its results, each with its own remedy.
        remedy: the place to correct a fault.
    """

    what: str
    how: Callable[[_Examined], Iterator[Check]]
    remedy: str


HERE: tuple[Examination[Case], ...] = (
    Examination("the callers file can be read, and is not the example's", check_callers, "callers.toml"),
    Examination("each variable is known, valid and deployed", check_variables, "s.yaml or this shell"),
    Examination("each secret is set, and of use to its scheme", check_secrets, "export, s secret add"),
    Examination("no secret is another function's as well", check_own_secrets, "SECURITY.md"),
    Examination("s.yaml meets the schema, and deploys what is meant", check_s_yaml, "s.yaml"),
    Examination("the package is of these sources and this runtime", check_package, "make package"),
)
ACCOUNT: tuple[Examination[Live], ...] = (
    Examination("the clock is as CCC's", check_clock, "this machine's clock"),
    Examination("STS knows the credentials", check_identity, "export a new key"),
)
THERE: tuple[Examination[Live], ...] = (
    Examination("CCC knows the instance, and permits the action", check_ccc, "the role's policy, CCC_*"),
    Examination("somebody may write the log, and join a VPC", check_rights, "the role's policies"),
    Examination("KMS hands out each kms: secret", check_kms, "kms:GetSecretValue, KMS_*"),
    Examination("the store takes a claim", check_store, "IDEMPOTENCY_URL"),
    Examination("the bucket takes a dead letter", check_letters, "oss:PutObject, DEAD_LETTER_URL"),
    Examination("the logstore has the index that alarms need", check_index, "python -m local.watching"),
)


def examine(case: Case, *, live: bool) -> Iterator[Check]:
    """Yield each check as it ends.

    Args:
        case: what is examined.
        live: whether to check over the network, with the credentials of the shell.
    """
    yield from _all(HERE, case)
    if not live:
        yield skipped("live", "not checked; use --live")
    else:
        yield from _guarded(check_live, case)


def check_live(case: Case) -> Iterator[Check]:
    """Run the checks over the network, if credentials and settings are known."""
    credentials = credentials_in(case.shell)
    if credentials is None:
        remedy = "export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=…, of a user who may ask"
        yield failed("credentials", "not set in this shell", remedy)
    elif garbled := garbled_in(case.shell):
        found = f"{', '.join(garbled)}: a line break, a space, or other than visible ASCII characters in it"
        yield failed("credentials", found, NEW_KEY)
    elif case.settings is None:
        yield skipped("live", "the variables have errors")
    else:
        yield from _ask(Live(case, case.settings, credentials))


def _ask(live: Live) -> Iterator[Check]:
    account = list(_all(ACCOUNT, live))
    yield from account
    if any(check.status is Status.FAILED and check.found.startswith("STS answered") for check in account):
        yield skipped("live", "not checked, because the credentials are refused")
    else:
        yield from _all(THERE, live)


def _all(examinations: tuple[Examination[_Examined], ...], examined: _Examined) -> Iterator[Check]:
    for examination in examinations:
        yield from _guarded(examination.how, examined)


def _guarded(check: Callable[[_Examined], Iterator[Check]], examined: _Examined) -> Iterator[Check]:
    """Yield the results of a check. A defect of the check is a result too, and the other checks continue."""
    try:
        yield from check(examined)
    except Exception as error:  # noqa: BLE001 - a stack trace may quote anything
        name = check.__name__.removeprefix("check_")
        yield failed(
            name, f"the doctor itself failed: {type(error).__name__}", "check it by hand, and report this error"
        )
