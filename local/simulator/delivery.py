"""How a fault changes the answer to a request, or its delivery."""

import gzip
from collections.abc import Callable
from dataclasses import replace

from local.http import Answer, Delivery
from local.simulator.fault import Fault

Perform = Callable[[], Answer]
Refuse = Callable[[Fault], Answer]


def deliver(fault: Fault | None, perform: Perform, refuse: Refuse) -> Delivery:
    """Return the delivery for a request. The action is performed at once, unless the fault replaces it.

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
