"""The products behind the simulated endpoint, each a module: its rules, apart from the wire they are asked over."""

from local.simulator.products.account import RAM, STS
from local.simulator.products.ccc import CCC
from local.simulator.products.kms import KMS
from local.simulator.products.product import Order, Product, Reply

# The first one answers for what belongs to none.
PRODUCTS = (CCC, KMS, STS, RAM)

BY_ACTION = {action: product for product in PRODUCTS for action in product.actions}

__all__ = ["BY_ACTION", "PRODUCTS", "Order", "Product", "Reply"]
