"""The plain values of an HTTP exchange: what the server reads, and what it is given to send."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone


@dataclass(frozen=True)
class Request:
    """One HTTP request: ``target`` as on the request line, ``headers`` in order with duplicates, the whole body."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    protocol: str = "HTTP/1.1"
    source_ip: str = "127.0.0.1"
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
    """One HTTP answer; the server adds ``Date``, ``Content-Length`` and, where it closes, ``Connection``."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def with_headers(self, headers: Mapping[str, str]) -> "Answer":
        """Return the answer with these headers instead of its own of the same name, whatever the case."""
        replaced = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in replaced}
        return replace(self, headers={**kept, **headers})


@dataclass(frozen=True)
class Delivery:
    """An answer, and what goes wrong on its way to the client.

    Attributes:
        answer: None closes the connection without an answer.
        delay: seconds before anything is sent.
        drip: seconds before each byte of the body, or 0 to send it at once.
        truncated: send half of the body that Content-Length promises, then close.
    """

    answer: Answer | None
    delay: float = 0.0
    drip: float = 0.0
    truncated: bool = False


class MalformedError(Exception):
    """A request that cannot be read: the HTTP ``status`` that says so, and why as text."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status
