"""Local gateway: serves a function, named by a string, as Function Compute 3.0 serves it behind an HTTP trigger."""

from local.gateway.errors import FunctionError
from local.gateway.gateway import Gateway
from local.gateway.instance import LoadError
from local.gateway.settings import Credentials

__all__ = ["Credentials", "FunctionError", "Gateway", "LoadError"]
