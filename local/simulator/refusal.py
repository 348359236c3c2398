"""The body of an error in the gateway's shape; sources: public captures of several."""

from typing import Any
from urllib.parse import quote

from local.simulator.errors import GatewayError
from local.simulator.products import Product


def gateway_error(request_id: str, error: GatewayError, product: Product) -> dict[str, Any]:
    """Return the body of an error of the gateway in front of a product."""
    search = f"q={quote(error.code, errors='replace')}&product={product.name}&requestId={request_id}"
    return {
        "RequestId": request_id,
        "HostId": product.host_id,
        "Code": error.code,
        "Message": error.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?{search}",
    }
