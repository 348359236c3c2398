"""What goes out, and how: an answer as a plain value, and the ways a fault spoils its delivery."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from local.simulator.fault import Fault


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; the server adds what frames it on the wire."""

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
    """An answer and its way to the client.

    Attributes:
        answer: None for a connection that is closed without an answer.
        delay: seconds before anything is sent.
        drip: seconds before each byte of the body, or 0 to send it at once.
        truncated: send half of the body the Content-Length promises, then close.
    """

    answer: Answer | None
    delay: float = 0.0
    drip: float = 0.0
    truncated: bool = False


Perform = Callable[[], Answer]
Refuse = Callable[[Fault], Answer]


def deliver(fault: Fault | None, perform: Perform, refuse: Refuse) -> Delivery:
    """Decide what a request gets: the action is performed at once, unless the fault stands in its place.

    Args:
        fault: the one whose turn it is, or None.
        perform: checks the request, carries it out and returns the answer; called at most once.
        refuse: returns the answer of an `error` fault.
    """
    if fault is None:
        return Delivery(perform())
    return DELIVERIES[fault.kind](fault, perform, refuse)


def _error(fault: Fault, _: Perform, refuse: Refuse) -> Delivery:
    return Delivery(refuse(fault))


def _delay(fault: Fault, perform: Perform, _: Refuse) -> Delivery:
    return Delivery(perform(), delay=fault.ms / 1000)


def _drop(fault: Fault, perform: Perform, _: Refuse) -> Delivery:
    if fault.when == "after":
        perform()
    return Delivery(None)


def _raw(fault: Fault, *_: object) -> Delivery:
    answer = Answer(fault.http_status, {"Content-Type": fault.content_type}, fault.body)
    return Delivery(answer.with_headers(fault.headers))


def _drip(fault: Fault, perform: Perform, _: Refuse) -> Delivery:
    return Delivery(perform(), drip=fault.ms / 1000)


def _truncate(_: Fault, perform: Perform, __: Refuse) -> Delivery:
    return Delivery(perform(), truncated=True)


def _gzip(fault: Fault, perform: Perform, _: Refuse) -> Delivery:
    answer = perform()
    # Broken: the plain body under a label that promises gzip.
    body = answer.body if fault.broken else gzip.compress(answer.body, mtime=0)
    return Delivery(replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"}, body=body))


def _redirect(fault: Fault, *_: object) -> Delivery:
    return Delivery(Answer(fault.http_status, {"Location": fault.location}))


DELIVERIES: dict[str, Callable[[Fault, Perform, Refuse], Delivery]] = {
    "error": _error,
    "delay": _delay,
    "drop": _drop,
    "raw": _raw,
    "drip": _drip,
    "truncate": _truncate,
    "gzip": _gzip,
    "redirect": _redirect,
}
