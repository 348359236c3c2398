"""Security Token Service: GetCallerIdentity, which says whose access key has signed.

Source: the page of GetCallerIdentity in the STS API reference 2015-04-01. `UserId` is for accounts and RAM users,
`RoleId` for roles: the one key is a role's.
"""

from local.simulator.products.product import Order, Product, Reply

ACCOUNT_ID = "1234567890123456"
ROLE_ID = "300000000000000001"
SESSION = "session"
ARN = f"acs:sts::{ACCOUNT_ID}:assumed-role/mute-call-function/{SESSION}"


def get_caller_identity(order: Order) -> Reply:
    """Answer the role that the access key was made for."""
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


STS = Product(
    name="Sts",
    version="2015-04-01",
    host_id="sts.cn-shanghai.aliyuncs.com",
    actions={"GetCallerIdentity": get_caller_identity},
)
