"""An API request as a plain value: what the checks, the actions and the record read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

Pairs = list[tuple[str, str]]

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """One HTTP request, read completely.

    Attributes:
        method: as sent, `POST`.
        path: as sent, without the query.
        query: as sent, without the question mark.
        headers: name and value in the order received, duplicates kept.
        body: the raw bytes.
    """

    method: str
    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @cached_property
    def header_values(self) -> dict[str, list[str]]:
        """Every header by its lower-case name, values stripped, in the order received."""
        found: dict[str, list[str]] = {}
        for name, value in self.headers:
            found.setdefault(name.lower(), []).append(value.strip())
        return found

    def header(self, name: str) -> str:
        """Return the first value of a header (lower-case name), or an empty string."""
        return self.header_values.get(name, [""])[0]

    @cached_property
    def query_pairs(self) -> Pairs:
        """The decoded query, empty values kept: they are part of what is signed."""
        return parse_qsl(self.query, keep_blank_values=True)

    @cached_property
    def form_pairs(self) -> Pairs:
        """The decoded form body; nothing for a body of another type."""
        if self.header("content-type").partition(";")[0].strip().lower() != FORM:
            return []
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Query and form as one: RPC takes parameters from both; the first of several values counts."""
        return dict(reversed([*self.query_pairs, *self.form_pairs]))

    @property
    def action(self) -> str:
        """The action asked for: header in signature V3, parameter in V1."""
        return self.header("x-acs-action") or self.parameters.get("Action", "")

    @property
    def version(self) -> str:
        """The API version asked for: header in signature V3, parameter in V1."""
        return self.header("x-acs-version") or self.parameters.get("Version", "")
