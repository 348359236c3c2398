"""The HTTP/1.1 server behind the local gateway and the simulator: loopback only, bounded in time and size."""

from local.http.message import Answer, Delivery, MalformedError, Request
from local.http.server import LOOPBACK, Server

__all__ = ["LOOPBACK", "Answer", "Delivery", "MalformedError", "Request", "Server"]
