"""Key Management Service: GetSecretValue of a generic secret, by stage.

Source: the page of GetSecretValue in the KMS API reference 2016-01-20. A success has neither `Code` nor
`HttpStatusCode`. No page says what it answers where the secret exists and no version has the stage.
"""

from local.simulator.errors import GatewayError
from local.simulator.products.product import Order, Product, Reply
from local.simulator.state import CURRENT


def get_secret_value(order: Order) -> Reply:
    """Answer the value of the version that has the stage asked for, the current one by default.

    Raises:
        GatewayError: `MissingSecretName`, `Forbidden.ResourceNotFound`.
    """
    order.require("SecretName")
    name = order.parameters["SecretName"]
    version = order.state.vault.find(name, order.parameters.get("VersionStage") or CURRENT)
    if version is None:
        raise GatewayError("Forbidden.ResourceNotFound", "Resource not found.", 404)
    return Reply(
        200,
        {
            "RequestId": order.request_id,
            "SecretName": name,
            "SecretType": "Generic",
            "VersionId": version.version_id,
            "CreateTime": version.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "SecretData": version.value,
            "SecretDataType": "text",
            "VersionStages": {"VersionStage": [version.stage]},
        },
    )


KMS = Product(
    name="Kms",
    version="2016-01-20",
    host_id="kms.cn-shanghai.aliyuncs.com",
    actions={"GetSecretValue": get_secret_value},
)
