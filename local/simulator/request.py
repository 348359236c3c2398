"""An API request: what the checks, the actions and the record read of an HTTP request."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from local import http

Pairs = list[tuple[str, str]]

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request(http.Request):
    """An HTTP request as RPC over signature V3 reads it."""

    @cached_property
    def header_values(self) -> dict[str, list[str]]:
        """Every header by its lower-case name, values in the order received."""
        found: dict[str, list[str]] = {}
        for name, value in self.headers:
            found.setdefault(name.lower(), []).append(value)
        return found

    @cached_property
    def query_pairs(self) -> Pairs:
        """The decoded query, empty values kept: they are part of what is signed."""
        return parse_qsl(self.query, keep_blank_values=True)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Query and form body as one: RPC takes parameters from both; the first of several values counts."""
        pairs = list(self.query_pairs)
        if self.header("content-type").partition(";")[0].strip().lower() == FORM:
            pairs += parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return dict(reversed(pairs))

    @property
    def action(self) -> str:
        """The action asked for."""
        return self.header("x-acs-action")

    @property
    def version(self) -> str:
        """The API version asked for."""
        return self.header("x-acs-version")
