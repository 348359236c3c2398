"""Whether CCC answers, knows the instance, and permits the function's action with these credentials."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

from local.doctor.check import Check, failed, ok, skipped, warning
from local.doctor.live import Live, patience, remedy_of_the_gateway
from shared.callers.caller import ANY_INSTANCE
from shared.clients import ccc
from shared.problems import (
    InstanceNotFound,
    InternalError,
    JobNotFound,
    Throttled,
    UpstreamProblem,
    UpstreamTimeout,
    UpstreamUnavailable,
    UserNotFound,
)

_OF_THE_POLICY = re.compile(r"(NoPermission|Forbidden|Permission)(\..+)?")
_OF_THE_INSTANCE = re.compile(r"AbnormalService\..+")
_POLICY = {
    "mute_call": 'docs/deploy.md, "2. The function\'s role"',
    "unmute_call": 'docs/deploy.md, "The counterpart"',
}


def check_ccc(live: Live) -> Iterator[Check]:
    """Call the action for a call and an agent that do not exist, so nobody is muted."""
    instance = _instance(live)
    if instance is None:
        yield skipped("ccc", "the callers file names no instance")
        return
    job = f"doctor-{uuid.uuid4()}"
    parameters = {"InstanceId": instance, "JobId": job, "UserId": f"{job}@{instance}", "DeviceId": "doctor"}
    try:
        ccc.call(live.case.action, parameters, live.credentials, live.settings, patience())
    except UpstreamProblem as problem:
        yield _told(problem, instance, live)
    except InternalError as error:
        yield failed("ccc", error.reason, "make install: this version of the SDK was not tested")
    else:
        found = f"{live.case.action.name} of a call that does not exist was accepted"
        yield failed("ccc", found, "CCC_ENDPOINT: CCC does not answer there")


def _instance(live: Live) -> str | None:
    """Return the first instance that the callers file names."""
    callers = live.case.callers.callers.values() if live.case.callers else ()
    return next((name for caller in callers for name in caller.instances if name != ANY_INSTANCE), None)


def _told(problem: UpstreamProblem, instance: str, live: Live) -> Check:
    code = (problem.upstream.code if problem.upstream else None) or ""
    if isinstance(problem, (JobNotFound, UserNotFound)):
        return ok("ccc", f"{live.case.action.name} on {instance} is permitted: {code} for a call that does not exist")
    if isinstance(problem, Throttled):
        return warning("ccc", problem.reason, "try again in a minute")
    return failed("ccc", problem.reason, remedy_of_the_gateway(code) or _remedy(problem, code, instance, live))


def _remedy(problem: UpstreamProblem, code: str, instance: str, live: Live) -> str:
    if isinstance(problem, InstanceNotFound):
        return f"use the id of your instance of {instance} in {live.case.callers_file}; or CCC_REGION"
    if _OF_THE_POLICY.fullmatch(code):
        return f"permit ccc:{live.case.action.name}: {_POLICY[live.case.function]}"
    if _OF_THE_INSTANCE.fullmatch(code):
        return f"CCC's console: is {instance} suspended, deleted, or still being created?"
    if isinstance(problem, (UpstreamUnavailable, UpstreamTimeout)):
        return f"CCC_REGION, CCC_ENDPOINT: is {live.settings.ccc_endpoint} right, and can it be reached from here?"
    return "docs/runbook.md has what each answer of CCC means"
