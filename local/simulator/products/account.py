"""The account: whose access key has signed (STS), and what its roles may do (RAM).

Sources: the page of GetCallerIdentity in the STS API reference 2015-04-01, where `UserId` is for accounts and RAM users
and `RoleId` for roles, and those of GetRole, ListPoliciesForRole and GetPolicy in the RAM API reference 2015-05-01. The
one key belongs to a role. The account has the service-linked role of Function Compute, and the role of mute-call with
its own policy.
"""

import json

from local.simulator.errors import GatewayError
from local.simulator.products.product import Order, Product, Reply

ACCOUNT_ID = "1234567890123456"
POLICY = "mute-call-function"
POLICIES = {"AliyunServiceRoleForFC": (), "mute-call-function": (POLICY,)}
ALLOWED = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ccc:MuteCall", "Resource": "*"}]}
ROLE_ID = "300000000000000001"
SESSION = "session"
ARN = f"acs:sts::{ACCOUNT_ID}:assumed-role/mute-call-function/{SESSION}"


def get_caller_identity(order: Order) -> Reply:
    """Return the role that the access key belongs to."""
    return Reply(
        200,
        {
            "RequestId": order.request_id,
            "IdentityType": "AssumedRoleUser",
            "AccountId": ACCOUNT_ID,
            "PrincipalId": f"{ROLE_ID}:{SESSION}",
            "RoleId": ROLE_ID,
            "Arn": ARN,
        },
    )


def get_role(order: Order) -> Reply:
    """Return a role.

    Raises:
        GatewayError: `EntityNotExist.Role`.
    """
    name = _role(order)
    arn = f"acs:ram::{ACCOUNT_ID}:role/{name.lower()}"
    return Reply(200, {"RequestId": order.request_id, "Role": {"RoleName": name, "Arn": arn}})


def list_policies_for_role(order: Order) -> Reply:
    """Return the policies of a role.

    Raises:
        GatewayError: `EntityNotExist.Role`.
    """
    policies = [{"PolicyName": name, "PolicyType": "Custom"} for name in POLICIES[_role(order)]]
    return Reply(200, {"RequestId": order.request_id, "Policies": {"Policy": policies}})


def get_policy(order: Order) -> Reply:
    """Return a policy with its document.

    Raises:
        GatewayError: `EntityNotExist.Policy`.
    """
    order.require("PolicyName", "PolicyType")
    if order.parameters["PolicyName"] != POLICY:
        raise GatewayError("EntityNotExist.Policy", "The policy does not exist.", 404)
    version = {"VersionId": "v1", "IsDefaultVersion": True, "PolicyDocument": json.dumps(ALLOWED)}
    return Reply(200, {"RequestId": order.request_id, "DefaultPolicyVersion": version})


def _role(order: Order) -> str:
    order.require("RoleName")
    name = order.parameters["RoleName"]
    if name not in POLICIES:
        raise GatewayError("EntityNotExist.Role", "The role does not exist.", 404)
    return name


RAM = Product(
    name="Ram",
    version="2015-05-01",
    host_id="ram.aliyuncs.com",
    actions={"GetRole": get_role, "ListPoliciesForRole": list_policies_for_role, "GetPolicy": get_policy},
)

STS = Product(
    name="Sts",
    version="2015-04-01",
    host_id="sts.cn-shanghai.aliyuncs.com",
    actions={"GetCallerIdentity": get_caller_identity},
)
