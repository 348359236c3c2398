"""The requests of a soak test and their expected answers. They are seeded, so every run is the same. No I/O here."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

SENDERS = ("bearer", "signed", "hub", "flow")
# A caller with always-200: once authenticated, only a field of the body shows a failure.
ALWAYS_200 = "flow"
_JSON = "application/json;charset=utf-8"
_BUSY = {"kind": "error", "http_status": 429, "code": "Throttling.User"}
# Longer than the read timeout that the soak sets.
_SLOW_MS = 700


class Expected(NamedTuple):
    """The expected result of a request."""

    status: int
    code: str
    replayed: bool = False
    calls: int = 1


class Kind(NamedTuple):
    """One kind of request: its weight, CCC's fault, and the expected result."""

    weight: int
    expected: Expected
    fault: dict[str, Any] | None = None


class Step(NamedTuple):
    """One request.

    Attributes:
        kind: its name in `KINDS`.
        sender: its name in `SENDERS`.
        number: of its idempotency key and of its device; a duplicate has that of an earlier one.
        changes: to the documented payload.
        wrong_secret: whether its credential is wrong.
    """

    kind: str
    sender: str
    number: int
    changes: Mapping[str, str] = MappingProxyType({})
    wrong_secret: bool = False


_MUTED = Expected(200, "muted")
_LOST = Expected(504, "upstream_timeout")
_UNREADABLE = Expected(502, "upstream_invalid_response")
KINDS: dict[str, Kind] = {
    "new": Kind(40, _MUTED),
    "duplicate": Kind(20, Expected(200, "muted", replayed=True, calls=0)),
    "duplicate of a failure": Kind(5, _MUTED),
    "key with another payload": Kind(4, Expected(422, "idempotency_key_reused", calls=0)),
    "wrong credential": Kind(4, Expected(401, "unauthorized", calls=0)),
    "bad parameter": Kind(4, Expected(422, "invalid_parameters", calls=0)),
    "unknown call": Kind(4, Expected(404, "job_not_found")),
    "throttled, the wait fits": Kind(
        3, Expected(200, "muted", calls=2), {**_BUSY, "headers": {"x-acs-retry-after": "50"}}
    ),
    "throttled": Kind(3, Expected(429, "throttled"), _BUSY),
    "503": Kind(
        2, Expected(503, "upstream_unavailable"), {"kind": "error", "http_status": 503, "code": "ServiceUnavailable"}
    ),
    "HTML 502": Kind(2, _UNREADABLE, {"kind": "raw", "http_status": 502, "content_type": "text/html", "body": "<p>"}),
    "redirect": Kind(2, _UNREADABLE, {"kind": "redirect", "location": "http://127.0.0.1:9/"}),
    "200 without a code": Kind(
        1, _UNREADABLE, {"kind": "raw", "http_status": 200, "content_type": _JSON, "body": "{}"}
    ),
    "drop": Kind(2, _LOST, {"kind": "drop"}),
    "truncated": Kind(2, _LOST, {"kind": "truncate"}),
    "slow": Kind(2, _LOST, {"kind": "delay", "ms": _SLOW_MS}),
}
# Kinds that free their key, so the same request runs again.
_FREES_ITS_KEY = {name for name, kind in KINDS.items() if kind.expected.status >= 429 and kind.fault}  # noqa: PLR2004 - Too Many Requests
_CHANGES: dict[str, dict[str, str]] = {
    "key with another payload": {"ChannelId": "another"},
    "bad parameter": {"UserId": "nobody"},
    "unknown call": {"JobId": "job-0"},
}
# The maximum distance of a duplicate; the store still knows the original.
_REACH = 200


def plan(seed: int) -> Iterator[Step]:
    """Yield the requests of a soak, without end."""
    chance = random.Random(seed)  # noqa: S311 - a plan, no secret
    muted: list[Step] = []
    failed: list[Step] = []
    weights = [kind.weight for kind in KINDS.values()]
    for number in itertools.count():
        (kind,) = chance.choices(list(KINDS), weights)
        # A duplicate repeats an earlier request with the result that its kind needs.
        earlier = {"duplicate": muted, "key with another payload": muted, "duplicate of a failure": failed}.get(kind)
        if earlier:
            step = chance.choice(earlier[-_REACH:])
        else:
            step = Step("", chance.choice(SENDERS), number)
            kind = "new" if earlier is not None else kind
        if kind == "key with another payload" and step.sender == "hub":
            # Its key is made from the body, so another body has another key.
            continue
        step = step._replace(kind=kind, changes=_CHANGES.get(kind, {}), wrong_secret=kind == "wrong credential")
        yield step
        if kind == "duplicate of a failure":
            failed.remove(next(one for one in failed if one.number == step.number))
        if KINDS[kind].expected.code == "muted" and kind != "duplicate":
            muted.append(step)
        elif kind in _FREES_ITS_KEY:
            failed.append(step)


def expected_of(step: Step) -> Expected:
    """Return the result that the sender of a step expects."""
    expected = KINDS[step.kind].expected
    if step.sender == ALWAYS_200 and not step.wrong_secret:
        return expected._replace(status=200)
    return expected
