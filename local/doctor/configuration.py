"""Callers file, variables, and the secrets that are variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from local.doctor.case import Case
from local.doctor.check import Check, failed, ok, skipped
from shared.callers import Caller, load_callers
from shared.problems import ConfigurationError
from shared.secret_references import ENV, KMS, OPTIONAL
from shared.settings import read_settings

# Where one error of several ends and the next begins: its text may have a semicolon of its own.
_NEXT_IN_FILE = re.compile(r"; (?=callers file: )")
_NEXT_VARIABLE = re.compile(r"; (?=[A-Z][A-Z_]*: )")


def check_callers(case: Case) -> Iterator[Check]:
    """Check the callers file: each error of it."""
    try:
        callers = load_callers(case.callers_file).callers
    except ConfigurationError as error:
        for told in _NEXT_IN_FILE.split(error.reason):
            yield failed("callers", told, f'{case.callers_file}; README.md, "Callers", says what each key takes')
    else:
        yield ok("callers", f"{', '.join(callers)} in {case.callers_file.name} of {case.function}")


def check_variables(case: Case) -> Iterator[Check]:
    """Check the variables of `s.yaml` and of the shell: each that is wrong."""
    try:
        settings = read_settings(case.environ, region=case.region)
    except ConfigurationError as error:
        for told in _NEXT_VARIABLE.split(error.reason):
            where = "in this shell" if told.partition(":")[0] in case.shell else "in s.yaml, environmentVariables"
            yield failed("variables", told, f'correct it {where}; README.md, "Configuration", says what it takes')
    else:
        yield ok("variables", f"CCC at {settings.endpoint}, deadline {settings.deadline_ms} ms")


def check_secrets(case: Case) -> Iterator[Check]:
    """Check every secret of every caller; those of KMS can only be asked for live."""
    if case.callers is None:
        yield skipped("secrets", "the callers file has errors")
        return
    for name, caller in case.callers.callers.items():
        for reference in caller.auth.secrets or ():
            yield from _secret(case, name, caller, reference)


def _secret(case: Case, name: str, caller: Caller, reference: str) -> Iterator[Check]:
    bare = reference.removesuffix(OPTIONAL)
    told = f"{bare} of the caller {name}"
    variable = bare.removeprefix(ENV)
    value = case.environ.get(variable)
    if bare.startswith(KMS):
        yield skipped("secrets", f"{told}: in KMS, asked for with --live")
    elif value and caller.auth.is_usable(value):
        yield ok("secrets", f"{told} is set")
    elif value:
        remedy = f'export {variable}=… in the form of the scheme {caller.auth.scheme}; README.md, "Callers"'
        yield failed("secrets", f"{told} is not usable for its scheme", remedy)
    elif bare == reference:
        yield failed(
            "secrets", f"{told} is unset", f'export {variable}=…; docs/deploy.md, "3. Callers, token, settings"'
        )
    else:
        yield ok("secrets", f"{told} is unset, as it may be")
