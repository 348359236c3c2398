"""Callers file, variables, and the secrets that are variables."""

from __future__ import annotations

from collections.abc import Iterator

from local.doctor.case import Case
from local.doctor.check import Check, failed, ok, skipped, warning
from local.doctor.deployment import FILE, entry_of, keep_command, kept_secrets
from shared.callers.file import load_callers
from shared.callers.schemes import Scheme
from shared.callers.secret_references import ENV, KMS, OPTIONAL, fault_of
from shared.configuration import check_ttl, doubts_of
from shared.problems import ConfigurationError
from shared.settings import Settings, doubt_of_region, doubts, misspelt, read_settings

UNSEEN = "deployed as `s secret` has it, which cannot be seen from here"
# The settings that are secrets.
_URL_OF_THE_STORE = "IDEMPOTENCY_URL"
# The example instances of the shipped callers files.
_EXAMPLES = frozenset({"ccc-test"})


def check_callers(case: Case) -> Iterator[Check]:
    """Check the callers file; yield each error."""
    try:
        callers = load_callers(case.callers_file).callers
    except ConfigurationError as error:
        for told in error.reasons:
            yield failed("callers", told, f'{case.callers_file}; docs/contract.md, "Callers file", describes each key')
    else:
        yield ok("callers", f"{', '.join(callers)} in {case.callers_file.name} of {case.function}")
        for told in doubts_of(callers):
            yield warning("callers", told, f"correct it in {case.callers_file.name} of {case.function}")
        # The simulator has only the example instance.
        named = [name for name, caller in callers.items() if not _EXAMPLES.isdisjoint(caller.instances)]
        if named and not case.trial:
            found = f"{', '.join(named)}: ccc-test is the example instance, not yours"
            yield warning(
                "callers",
                found,
                f"use the id of your instance, in {case.callers_file.name} of {case.function}, before you deploy",
            )


def check_variables(case: Case) -> Iterator[Check]:
    """Check the function's variables: yield each invalid one, and each that only this shell has."""
    try:
        settings = read_settings(case.environ, region=case.region)
    except ConfigurationError as error:
        for found, remedy in dict.fromkeys(_fault(case, told) for told in error.reasons):
            yield failed("variables", found, remedy)
    else:
        trial = f"; of this shell, for a trial: {', '.join(case.trial)}" if case.trial else ""
        yield ok("variables", f"CCC at {settings.ccc_endpoint}, deadline {settings.deadline_ms} ms{trial}")
        yield from _ttl(case, settings)
    yield from _doubts(case)
    for name in sorted(case.deployment.unseen.keys() & {field.upper() for field in Settings.model_fields}):
        yield skipped("variables", f"{name}: {UNSEEN}")
    for name in case.undeployed_variables():
        is_there = name in case.deployment.environment
        yield _not_deployed("variables", name, is_there=is_there, secret=name == _URL_OF_THE_STORE)


def check_secrets(case: Case) -> Iterator[Check]:
    """Check every secret of every caller; those in KMS can be checked only with `--live`."""
    if case.callers is None:
        yield skipped("secrets", "the callers file has errors")
        return
    for name, caller in case.callers.callers.items():
        for scheme in caller.schemes:
            for reference in scheme.secrets or ():
                yield from _secret(case, name, scheme, reference)


def _doubts(case: Case) -> Iterator[Check]:
    """Yield variables, here and in `s.yaml`, that are valid but probably a mistake."""
    secrets = {name.removesuffix(OPTIONAL) for name in case.secret_variables}
    if told := doubt_of_region(case.region):
        yield warning("variables", f"region: {told}", f"correct region in {FILE}")
    for told in doubts(case.environ, named=secrets):
        yield warning("variables", told, f"correct it where it is set: {FILE}, environmentVariables, or this shell")
    of_the_shell = {name: value for name, value in case.shell.items() if name not in case.environ}
    for told in misspelt(of_the_shell, named=secrets):
        yield warning("variables", told, f"export it under that name; and below environmentVariables in {FILE}")


def _ttl(case: Case, settings: Settings) -> Iterator[Check]:
    """Yield each caller whose recorded requests would be accepted for longer than their keys are stored."""
    for name, caller in case.callers.callers.items() if case.callers else ():
        try:
            check_ttl(name, caller, settings)
        except ConfigurationError as error:
            yield failed("variables", error.reason, 'docs/contract.md, "Idempotency"')


def _fault(case: Case, told: str) -> tuple[str, str]:
    """Return what is wrong with a variable, and where to correct it."""
    name, _, problem = told.partition(": ")
    if name.endswith("_REGION") and name not in case.environ:
        # A service without its own region uses the function's.
        return f"region: {problem}", f"correct region in {FILE}: the id of a region, such as cn-shanghai"
    is_of_the_shell = case.shell.get(name) == case.environ.get(name)
    where = "in this shell" if is_of_the_shell else f"in {FILE}, environmentVariables"
    return told, f'correct it {where}; docs/contract.md, "Variables", describes its values'


def _not_deployed(check: str, name: str, *, is_there: bool, secret: bool) -> Check:
    of_both = f"different in {FILE} and in this shell" if is_there else f"set in this shell and not in {FILE}"
    return warning(
        check,
        f"{name} is {of_both}: it is not deployed",
        f"below environmentVariables, {entry_of(name, secret=secret)}",
    )


def _secret(case: Case, name: str, scheme: Scheme, reference: str) -> Iterator[Check]:
    bare = reference.removesuffix(OPTIONAL)
    told = f"{bare} of the caller {name}"
    variable = bare.removeprefix(ENV)
    value = case.environ.get(variable) or case.shell.get(variable)
    is_kept, unseen = variable in case.deployment.kept, case.deployment.unseen.get(variable)
    if bare.startswith(KMS):
        yield skipped("secrets", f"{told}: in KMS; checked with --live")
    elif value and (fault := fault_of(value, scheme.fault_of_secret)):
        remedy = f'export {variable}=… in the form of the scheme {scheme.scheme}; docs/contract.md, "Schemes"'
        yield failed("secrets", f"{told} {fault}", remedy)
    elif value:
        yield (
            ok("secrets", f"{told} is set" + (" in this shell; the value in `s secret` is deployed" if is_kept else ""))
            if variable in case.environ
            else _not_deployed("secrets", variable, is_there=False, secret=True)
        )
    elif unseen is not None and unseen.names <= kept_secrets(case.shell):
        yield skipped("secrets", f"{told}: {UNSEEN}")
    elif bare == reference:
        command = keep_command(*sorted(unseen.names if unseen else {variable}))
        remedy = f'export {variable}=…; {command}; docs/deploy.md, "3. Callers, token, settings"'
        yield failed("secrets", f"{told} is unset", remedy)
    else:
        yield ok("secrets", f"{told} is unset, which is allowed")
