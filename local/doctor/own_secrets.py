"""Finds secrets that two functions share.

A request proves who sent it, but not for which function. With one secret for both, a request that was recorded at one
function runs at the other: a mute becomes an unmute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from local.doctor.case import Case
from local.doctor.check import Check, ok, skipped, warning
from local.doctor.deployment import DeploymentError, read_deployment
from shared.callers.file import Callers, load_callers
from shared.callers.secret_references import ENV, OPTIONAL
from shared.problems import ConfigurationError

_FILE = "callers.toml"

# The value of each reference; `None` if it cannot be read from here.
_Values = Mapping[str, str | None]


def check_own_secrets(case: Case) -> Iterator[Check]:
    """Compare the function's secrets with those of every other function of the repository."""
    if case.callers is None:
        # `check_secrets` says so.
        return
    own = _values(case.callers, case.environ, case.shell)
    remedy = 'use another secret for one of them; SECURITY.md, "What a credential proves", says why'
    found: list[str] = []
    for function in _others(case):
        try:
            callers = load_callers(case.root / "functions" / function / _FILE)
        except ConfigurationError:
            yield skipped("secrets", f"not compared with the secrets of {function}: its {_FILE} has errors")
            continue
        found += _shared(case.function, own, function, _values(callers, _deployed(case, function), case.shell))
    yield from (warning("secrets", each, remedy) for each in found)
    if not found:
        yield ok("secrets", "no secret is shared with another function")


def _others(case: Case) -> list[str]:
    names = {path.parent.name for path in case.root.joinpath("functions").glob(f"*/{_FILE}")}
    return sorted(names - {case.function})


def _deployed(case: Case, function: str) -> Mapping[str, str]:
    try:
        return read_deployment(case.root, function, case.shell).environment
    except DeploymentError:
        return {}


def _values(callers: Callers, deployed: Mapping[str, str], shell: Mapping[str, str]) -> _Values:
    references = (str(reference) for caller in callers.callers.values() for reference in caller.references())
    names = dict.fromkeys(reference.removesuffix(OPTIONAL) for reference in references)
    variables = {name: name.removeprefix(ENV) for name in names if name.startswith(ENV)}
    values = {name: deployed.get(variable) or shell.get(variable) for name, variable in variables.items()}
    return {name: values.get(name) or None for name in names}


def _shared(function: str, own: _Values, other: str, others: _Values) -> Iterator[str]:
    """Yield secrets that both functions have. One reference may have two values, depending on `s.yaml`."""
    for name, value in own.items():
        for other_name, other_value in others.items():
            if name == other_name and (value == other_value or None in (value, other_value)):
                yield f"{name} is a secret of both {function} and {other}"
            elif name != other_name and value is not None and value == other_value:
                yield f"{name} of {function} and {other_name} of {other} have the same value"
