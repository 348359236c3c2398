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

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.http.framing import NO_BODY
from local.simulator.fault_fields import CHECKS, FaultError

REDIRECTS = (301, 302, 303, 307, 308)
OF_EVERY_KIND = {"kind", "times", "action"}


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


# The fields that a kind of fault must have and those that it may have, beside those of every kind.
KINDS: dict[str, tuple[set[str], set[str]]] = {
    "error": ({"http_status", "code"}, {"message", "headers"}),
    "delay": ({"ms"}, set()),
    "drop": (set(), {"when"}),
    "raw": ({"http_status"}, {"content_type", "body", "body_base64", "headers"}),
    "drip": ({"ms"}, set()),
    "truncate": (set(), set()),
    "gzip": (set(), {"broken"}),
    "redirect": ({"location"}, {"http_status"}),
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
    required, optional = KINDS[name]
    for missing in sorted(required - set(script)):
        raise FaultError(f"{missing}: required for {name}")
    for unknown in sorted(set(script) - required - optional - OF_EVERY_KIND):
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
        raise FaultError(f"http_status: must be one of {REDIRECTS}")
    if fault.http_status in NO_BODY and fault.body:
        raise FaultError(f"body: not allowed with {fault.http_status}")
    if fault.kind == "error" and fault.http_status in NO_BODY:
        raise FaultError(f"http_status: {fault.http_status} has no body, and an error needs one")


class FaultQueue:
    """Faults in the order they were added; safe for threads."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, script: object) -> int:
        """Queue a fault given as a decoded JSON object, `times` times, and return how many wait now.

        Raises:
            FaultError: it is not valid; nothing is queued.
        """
        fault, times = parse(script)
        with self._lock:
            self._queue.extend([fault] * times)
            return len(self._queue)

    def take(self, action: str) -> Fault | None:
        """Return the first fault that is for a request of that action and remove it, or None."""
        with self._lock:
            for position, fault in enumerate(self._queue):
                if fault.action in (None, action):
                    return self._queue.pop(position)
            return None

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._queue.clear()
