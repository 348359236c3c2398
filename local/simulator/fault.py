"""Scripted faults, each for one API request that was read and recorded; what `POST /_simulator/faults` takes.

| kind     | what the client gets                                                     | the action   |
| -------- | ------------------------------------------------------------------------ | ------------ |
| error    | a gateway error: `http_status`, `code`, `message`, `headers`             | not done     |
| delay    | its answer, `ms` milliseconds later                                      | done at once |
| drop     | a closed connection, `when` before (default) or after the action         | by `when`    |
| raw      | `http_status`, `content_type`, `body` or `body_base64`, `headers` as given | not done     |
| drip     | its answer, a byte of the body every `ms` milliseconds                   | done at once |
| truncate | its answer, cut in the middle of the body, and a closed connection       | done         |
| gzip     | its answer compressed, or labelled so and not compressed where `broken`  | done         |
| redirect | `http_status` (default 302) and `location`                               | not done     |

Each takes `times`, the number of requests it is for (default 1), and `action`: it waits for a request for that one
instead of the next request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.simulator.fault_fields import CHECKS, FaultError

NO_BODY = frozenset({204, 304})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
OF_EVERY_KIND = frozenset({"kind", "times", "action"})


@dataclass(frozen=True)
class Fault:
    """One fault; which fields count depends on `kind`, as `KINDS` says."""

    kind: str
    http_status: int = 302  # the default of a redirect; the others name theirs
    code: str = ""
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    ms: int = 0
    when: str = "before"
    content_type: str = "text/plain"
    body: bytes = b""
    broken: bool = False
    location: str = ""
    action: str | None = None


@dataclass(frozen=True)
class Kind:
    """The fields a kind of fault must and may have, beside `kind` and those of every kind."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


KINDS: dict[str, Kind] = {
    "error": Kind(frozenset({"http_status", "code"}), frozenset({"message", "headers"})),
    "delay": Kind(frozenset({"ms"})),
    "drop": Kind(optional=frozenset({"when"})),
    "raw": Kind(frozenset({"http_status"}), frozenset({"content_type", "body", "body_base64", "headers"})),
    "drip": Kind(frozenset({"ms"})),
    "truncate": Kind(),
    "gzip": Kind(optional=frozenset({"broken"})),
    "redirect": Kind(frozenset({"location"}), frozenset({"http_status"})),
}


def parse(script: object) -> tuple[Fault, int]:
    """Return the fault a decoded JSON object describes, and how many times it is to happen.

    Raises:
        FaultError: no object, an unknown kind, a field that is missing, unknown or of a wrong value.
    """
    if not isinstance(script, Mapping):
        raise FaultError("fault: must be a JSON object")
    name = script.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        raise FaultError(f"kind: must be one of {', '.join(KINDS)}")
    kind = KINDS[name]
    for missing in sorted(kind.required - set(script)):
        raise FaultError(f"{missing}: required for {name}")
    for unknown in sorted(set(script) - kind.required - kind.optional - OF_EVERY_KIND):
        raise FaultError(f"{unknown}: not a field of {name}")
    values = {key: CHECKS[key](key, value) for key, value in script.items() if key != "kind"}
    times = values.pop("times", 1)
    if "body_base64" in values:
        if "body" in values:
            raise FaultError("body_base64: not beside body")
        values["body"] = values.pop("body_base64")
    fault = Fault(name, **values)
    _check_together(fault)
    return fault, times


def _check_together(fault: Fault) -> None:
    if fault.kind == "redirect" and fault.http_status not in REDIRECTS:
        raise FaultError(f"http_status: must be one of {sorted(REDIRECTS)}")
    if fault.http_status in NO_BODY and fault.body:
        raise FaultError(f"body: not allowed with {fault.http_status}")
    if fault.kind == "error" and fault.http_status in NO_BODY:
        raise FaultError(f"http_status: {fault.http_status} has no body, and an error needs one")
