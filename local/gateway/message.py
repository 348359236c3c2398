"""Plain values of one HTTP exchange: what the wire brings in and what goes back, free of sockets."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

GATEWAY_ERROR = "FcCommonError"


def new_request_id() -> str:
    """Return an id in the platform's shape: ``1-``, 8 hex digits of the time, ``-``, 16 hex digits.

    Source: the example of the documented event; the length of the last part is unconfirmed.
    """
    return f"1-{int(datetime.now(timezone.utc).timestamp()):08x}-{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Request:
    """One HTTP request: ``target`` as on the request line, ``headers`` in order with duplicates, the whole body."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    protocol: str = "HTTP/1.1"
    source_ip: str = "127.0.0.1"
    request_id: str = field(default_factory=new_request_id)
    received: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def path(self) -> str:
        """The path as sent, still URL-encoded, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as sent, without the question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        """Return the values of a header, looked up in any case and joined with ``,``; empty when absent."""
        return ",".join(value for key, value in self.headers if key.lower() == name.lower())


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; the server adds ``Date``, ``Content-Length`` and ``X-Fc-Request-Id``."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class RejectionError(Exception):
    """The gateway's own answer in place of the function's.

    ``status``, ``code`` and ``error_type`` follow the gateway table of FC 2.0, the best one published (documented
    there); the body's keys are those of the FC 3.0 API's errors (unconfirmed for triggers).
    """

    def __init__(self, status: int, code: str, message: str, error_type: str = GATEWAY_ERROR) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.error_type = error_type

    def answer(self, request_id: str) -> Answer:
        """Return the rejection as an answer to the request with this id."""
        report = {"RequestId": request_id, "Code": self.code, "Message": str(self)}
        headers = {"Content-Type": "application/json", "X-Fc-Error-Type": self.error_type}
        return Answer(self.status, headers, json.dumps(report).encode())


def invalid_argument(message: str) -> RejectionError:
    """Return the documented refusal of a request outside the limits or the rules: 400 ``InvalidArgument``."""
    return RejectionError(400, "InvalidArgument", message)
