"""Whether the function's log can be written and its VPC joined, by the platform's role or by the function's.

With a role in `s.yaml` the deployment tool does not create the service-linked role. Otherwise it is created when
somebody opens the console of Function Compute for the first time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic import TypeAdapter, ValidationError

from local.doctor.check import Check, failed, ok, skipped
from local.doctor.live import Live, patience
from shared.clients import rpc, transport
from shared.problems import Upstream
from shared.settings import Endpoint

LINKED = "AliyunServiceRoleForFC"
LOG = ("log:PostLogStoreLogs",)
# The actions in the policy of the service-linked role.
VPC = (
    "vpc:DescribeVSwitchAttributes",
    "vpc:DescribeVpcAttribute",
    "ecs:CreateNetworkInterface",
    "ecs:DeleteNetworkInterface",
    "ecs:DescribeNetworkInterfaces",
    "ecs:CreateNetworkInterfacePermission",
    "ecs:DeleteNetworkInterfacePermission",
    "ecs:DescribeNetworkInterfacePermissions",
)
_VERSION = "2015-05-01"
# Only for the doctor. RAM has one endpoint, without regions.
_VARIABLE, _ENDPOINT = "RAM_ENDPOINT", "ram.aliyuncs.com"
_NO_ROLE = "EntityNotExist.Role"
# A role may have twenty custom ones, and as many of the system's.
_MOST_POLICIES = 40
_REMEDY = 'docs/deploy.md, "2. The function\'s role": the service-linked role, or the policies in its place'


class _RefusedError(Exception):
    """RAM answered with an error; the text is its code."""


def check_rights(live: Live) -> Iterator[Check]:
    """Ask RAM for the service-linked role, and without one for the policies of the function's role."""
    given = live.case.shell.get(_VARIABLE)
    if live.case.trial and not given:
        # An endpoint on this machine is a trial with made-up credentials.
        yield skipped("rights", f"a trial on this machine, without {_VARIABLE}")
        return
    try:
        endpoint = TypeAdapter(Endpoint).validate_python(given or _ENDPOINT)
    except ValidationError:
        yield failed("rights", f"{_VARIABLE} is no host[:port]", f"correct {_VARIABLE}, or unset it")
        return
    try:
        yield _told(live, endpoint)
    except _RefusedError as error:
        yield skipped("rights", f"RAM answered {error}; use a key that may ask: aliyun ram GetRole --RoleName {LINKED}")
    except (transport.TransportError, rpc.SdkError) as error:
        yield skipped("rights", f"RAM does not answer: {error}")


def _told(live: Live, address: str) -> Check:
    if _ask(live, address, "GetRole", RoleName=LINKED) is not None:
        return ok("rights", f"{LINKED} exists: the platform uses it to write the log and to join a VPC")
    role = live.case.deployment.role
    listed = _ask(live, address, "ListPoliciesForRole", RoleName=role)
    if listed is None:
        return failed("rights", f"there is no role {role}", 'docs/deploy.md, "2. The function\'s role"')
    allowed = [action for policy in _policies(listed)[:_MOST_POLICIES] for action in _allowed(live, address, policy)]
    in_a_vpc = any("vpcConfig" in props for props in live.case.deployment.resources.values())
    missing = [right for right in (*LOG, *(VPC if in_a_vpc else ())) if not _is_among(right, allowed)]
    if missing:
        return failed("rights", f"there is no {LINKED}, and {role} may not {', '.join(missing)}", _REMEDY)
    return ok("rights", f"there is no {LINKED}, but {role} has the rights that are needed")


def _policies(listed: Mapping[str, Any]) -> list[dict[str, str]]:
    found: Any = listed.get("Policies")
    found = found.get("Policy") if isinstance(found, dict) else None
    policies = [policy for policy in found if isinstance(policy, dict)] if isinstance(found, list) else []
    return [{name: str(policy.get(name)) for name in ("PolicyName", "PolicyType")} for policy in policies]


def _allowed(live: Live, address: str, policy: Mapping[str, str]) -> Iterator[str]:
    """Yield the actions that a policy allows, on whichever resource."""
    found: Any = _ask(live, address, "GetPolicy", **policy) or {}
    version = found.get("DefaultPolicyVersion")
    try:
        document: Any = json.loads(version["PolicyDocument"])
        statements = document["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            actions = statement["Action"] if statement["Effect"] == "Allow" else []
            yield from [actions] if isinstance(actions, str) else actions
    except (ValueError, KeyError, TypeError, RecursionError):
        return


def _is_among(right: str, allowed: list[str]) -> bool:
    return any(fnmatchcase(right.lower(), str(pattern).lower()) for pattern in allowed)


def _ask(live: Live, endpoint: str, action: str, **parameters: str) -> dict[str, Any] | None:
    """Return RAM's answer, `None` if there is no such role."""
    settings = live.settings
    service = rpc.Service(endpoint, settings.ccc_connect_timeout_ms, settings.ccc_read_timeout_ms)
    answer = rpc.call(rpc.Operation(action, _VERSION), parameters, live.credentials, service, patience())
    body: dict[str, Any] = answer.body if isinstance(answer.body, dict) else {}
    if not answer.refused:
        return body
    code = Upstream.read(body).code or "no code"
    if code == _NO_ROLE:
        return None
    raise _RefusedError(code)
