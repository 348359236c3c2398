"""The function's settings in `s.yaml`: checked against the component's schema, and for mistakes that it allows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from local.doctor.case import Case
from local.doctor.check import Check, failed, ok, warning
from local.doctor.deployment import (
    FILE,
    Deployment,
    DeploymentError,
    Kept,
    Props,
    entry_of,
    keep_command,
    kept_secrets,
    read_deployment,
    variables_of,
)
from shared.callers.secret_references import OPTIONAL
from shared.settings import Settings

# `src/schema.json` of the Serverless Devs component fc3 0.1.22, unchanged: what `s verify` checks a resource against.
SCHEMA = "local/doctor/fc3-schema.json"
_VALIDATOR = Draft7Validator(json.loads(Path(__file__).with_name("fc3-schema.json").read_text(encoding="utf-8")))
# The short form that the tool takes and its published schema does not know.
LOG = "auto|logBeginRule=None"
_ROLE = re.compile(r"(acs:ram::\d+:role/)?[a-z0-9-]{1,64}")
_MS, _MB = 1000, 1024
# Function Compute, quotas: a core has 1 to 4 GB.
_MOST_GB = 4

Fault = tuple[str, str]


def check_s_yaml(case: Case) -> Iterator[Check]:
    """Check every resource of the function."""
    try:
        deployment = read_deployment(case.root, case.function, case.shell)
    except DeploymentError as error:
        yield failed("s.yaml", str(error), f"{FILE}: compare it with the file in the repository")
        return
    secrets = {reference.rstrip(OPTIONAL) for reference in case.secret_variables}
    for name in sorted(deployment.unset - secrets):
        yield failed("s.yaml", f"env('{name}') is unset, so no s command runs", f"export {name}=…")
    for expression in sorted(deployment.unknown):
        yield failed("s.yaml", f"{expression} names nothing, so no s command runs", f"{FILE}: correct the name")
    yield from _not_kept(case, deployment, secrets)
    faults = _faults(case, deployment, _EXAMINATIONS)
    for status, told in ((failed, faults), (warning, _faults(case, deployment, _ADVICE))):
        for (found, remedy), names in told.items():
            where = ", ".join(names)
            yield status("s.yaml", f"{where}: {found}", f"{FILE}, {where}: {remedy}")
    for name, props in deployment.resources.items():
        if not any(name in names for names in faults.values()):
            yield ok(
                "s.yaml", f"{name} as {props.get('functionName')} on {props.get('runtime')} in {props.get('region')}"
            )


def _not_kept(case: Case, deployment: Deployment, secrets: set[str]) -> Iterator[Check]:
    """Yield which secrets the tool does not keep on this machine; those of the examined callers are told elsewhere."""
    missing = deployment.secrets - kept_secrets(case.shell)
    here = sorted(name for name in missing if case.shell.get(name))
    if here:
        found = f"{', '.join(here)}: not in `s secret` on this machine, and every s command needs it"
        yield warning("s.yaml", found, keep_command(*here))
    for name in sorted(missing - {*here, *secrets}):
        found = f"secret('{name}') is neither in `s secret` nor in this shell, so no s command runs"
        yield failed("s.yaml", found, f"export {name}=…; {keep_command(name)}")


def _faults(case: Case, deployment: Deployment, examinations: Sequence[Examination]) -> dict[Fault, list[str]]:
    """Return the faults, each with its resources: these share most of what they say, and so its faults."""
    faults: dict[Fault, list[str]] = {}
    for name, props in deployment.resources.items():
        for fault in dict.fromkeys(fault for examine in examinations for fault in examine(case, props)):
            faults.setdefault(fault, []).append(name)
    return faults


def _schema(_: Case, props: Props) -> Iterator[Fault]:
    known = {**props, "logConfig": "auto"} if props.get("logConfig") == LOG else props
    found = list(_VALIDATOR.iter_errors(known))
    mistyped = {each.json_path for each in found if each.validator == "type"}
    for each in found:
        # What else is asked of a value of another type is the same fault.
        if each.validator == "type" or each.json_path not in mistyped:
            for told in _told(each):
                yield f"{each.json_path}: {told}", f"as {SCHEMA} has it"


def _told(error: ValidationError) -> Iterator[str]:
    """Yield what the schema asks for; the library's own messages quote the value, which may be a secret."""
    wanted: Any = error.validator_value
    if error.validator == "required":
        present: Any = error.instance
        yield from (f"{name} is missing" for name in wanted if name not in present)
        return
    asked = json.dumps(wanted)
    yield f"{error.validator} {asked}" if len(asked) <= 60 else f"does not meet {error.validator}"  # noqa: PLR2004 - a line


def _role(_: Case, props: Props) -> Iterator[Fault]:
    role = str(props.get("role", ""))
    if not _ROLE.fullmatch(role):
        yield f"role: {role or 'none'} is no name or ARN in lower case", "role in lower case, as the tool writes it"


def _timeout(case: Case, props: Props) -> Iterator[Fault]:
    deadline = case.settings.deadline_ms if case.settings else Settings.model_fields["deadline_ms"].default
    timeout = props.get("timeout")
    if isinstance(timeout, int) and timeout * _MS <= deadline:
        found = f"timeout: {timeout} s is not longer than DEADLINE_MS ({deadline}): the platform ends it first"
        yield found, "a timeout longer than the deadline, or a shorter DEADLINE_MS"


def _size(_: Case, props: Props) -> Iterator[Fault]:
    cpu, memory = props.get("cpu"), props.get("memorySize")
    if not isinstance(cpu, (int, float)) or not isinstance(memory, int):
        yield "cpu, memorySize: both must be numbers", "cpu and memorySize"
    elif not cpu <= memory / _MB <= _MOST_GB * cpu:
        remedy = f"memorySize from {cpu * _MB:g} to {_MOST_GB * cpu * _MB:g}, or another cpu"
        yield f"memorySize: {memory} MB for {cpu} cores; a core has 1 to {_MOST_GB} GB", remedy


def _environment(case: Case, props: Props) -> Iterator[Fault]:
    variables = variables_of(props)
    for name in sorted(variables):
        if name.startswith(("FC_", "ALIBABA_CLOUD_")):
            yield f"environmentVariables: {name} is reserved by the platform", f"take {name} out"
    for reference in sorted(case.secret_variables):
        if not reference.endswith(OPTIONAL) and reference not in variables:
            remedy = f"below environmentVariables, {entry_of(reference, secret=True)}"
            yield f"environmentVariables: {reference} is missing, {case.callers_file.name} needs it", remedy


def _log(_: Case, props: Props) -> Iterator[Fault]:
    given = props.get("logConfig")
    if given == LOG or (isinstance(given, dict) and given.get("logBeginRule") == "None"):
        return
    remedy = "logBeginRule: None" if isinstance(given, dict) else f"logConfig: {LOG}"
    yield "logConfig: an entry begins at a date, but log lines begin with `{`, so lines merge", remedy


def _printed(case: Case, props: Props) -> Iterator[Fault]:
    given = variables_of(props)
    for name in sorted({reference.rstrip(OPTIONAL) for reference in case.secret_variables} | {"IDEMPOTENCY_URL"}):
        if name in given and not isinstance(given[name], Kept):
            found = f"{name}: the tool prints its value and writes it to its logs"
            yield found, f"{entry_of(name, secret=True)}, and {keep_command(name)}"


Examination = Callable[[Case, Props], Iterator[Fault]]
_EXAMINATIONS: tuple[Examination, ...] = (_schema, _role, _timeout, _size, _environment)
# What can be deployed, and should not be.
_ADVICE: tuple[Examination, ...] = (_log, _printed)
