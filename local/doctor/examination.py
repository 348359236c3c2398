"""The checks in their order: what is here first, then, if asked for, what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

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

HERE: tuple[Callable[[Case], Iterator[Check]], ...] = (
    check_callers,
    check_variables,
    check_secrets,
    check_own_secrets,
    check_s_yaml,
    check_package,
)
THERE: tuple[Callable[[Live], Iterator[Check]], ...] = (
    check_ccc,
    check_rights,
    check_kms,
    check_store,
    check_letters,
    check_index,
)


def examine(case: Case, *, live: bool) -> Iterator[Check]:
    """Yield each check as it ends.

    Args:
        case: what is examined.
        live: whether anybody is asked; with the credentials of the shell.
    """
    for check in HERE:
        yield from _guarded(check, case)
    if not live:
        yield skipped("live", "nobody was asked: --live")
    else:
        yield from _guarded(check_live, case)


def check_live(case: Case) -> Iterator[Check]:
    """Ask, if there are credentials and it is known whom."""
    credentials = credentials_in(case.shell)
    if credentials is None:
        remedy = "export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=…, of somebody who may ask"
        yield failed("credentials", "none in this shell", remedy)
    elif garbled := garbled_in(case.shell):
        found = f"{', '.join(garbled)}: a line break, a space, or other than visible ASCII characters in it"
        yield failed("credentials", found, NEW_KEY)
    elif case.settings is None:
        yield skipped("live", "the variables have errors")
    else:
        yield from _ask(Live(case, case.settings, credentials))


def _ask(live: Live) -> Iterator[Check]:
    yield from _guarded(check_clock, live)
    identity = list(_guarded(check_identity, live))
    yield from identity
    if any(check.status is Status.FAILED and check.found.startswith("STS answered") for check in identity):
        yield skipped("live", "nobody else is asked with credentials that are refused")
        return
    for check in THERE:
        yield from _guarded(check, live)


def _guarded(check: Callable[[_Examined], Iterator[Check]], examined: _Examined) -> Iterator[Check]:
    """Yield what a check finds; a defect of its own is told, and the others go on."""
    try:
        yield from check(examined)
    except Exception as error:  # noqa: BLE001 - a stack trace may quote anything
        name = check.__name__.removeprefix("check_")
        yield failed(name, f"the doctor itself failed: {type(error).__name__}", "look at it by hand, and report this")
