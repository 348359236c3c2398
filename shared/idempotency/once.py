"""Runs a request with a key once; a repetition gets the first answer.

claim → run → complete. Only an answer about the call itself is stored. After any other answer the claim is released, so
a resend runs again. If an invocation crashes, its claim ends with its deadline.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shared.idempotency import CLAIM, Held, Store, cause_of
from shared.outcome import Outcome, Success
from shared.problems import (
    IdempotencyKeyReused,
    IdempotencyUnavailable,
    InProgress,
    Problem,
    Upstream,
    UpstreamProblem,
    problem_types,
)

# Of what is left of the deadline: at most this share to claim, and as much is kept for the answer to be stored.
_CLAIM_SHARE = 0.25
_COMPLETE_SHARE = 0.1
_FINAL = {kind.code: kind for kind in problem_types() if issubclass(kind, UpstreamProblem) and kind.is_final}


class Work(NamedTuple):
    """What is to be done once.

    Attributes:
        name: of the record in the store, from `name_of`.
        fingerprint: of action and parameters, from `fingerprint_of`.
        deadline: of the whole, by `time.monotonic()`.
        run: does it, until the deadline it is given; returns the success or raises the problem.
    """

    name: str
    fingerprint: str
    deadline: float
    run: Callable[[float], Success]


class Done(NamedTuple):
    """How it ended.

    Attributes:
        outcome: the success or the problem.
        replayed: whether it is that of an earlier request.
        fault: what the store failed to do after it had ended, for the log.
    """

    outcome: Outcome
    replayed: bool = False
    fault: str | None = None

    def success(self) -> Success:
        """Return the success; raises the `Problem` that it ended in instead."""
        if isinstance(self.outcome, Problem):
            raise self.outcome
        return self.outcome


def name_of(caller: str, key: str, *owner: str) -> str:
    """Return the name of a request's record; the part before its last colon is its scope in the store.

    The key itself is the sender's text, of any length and with anything in it; the store sees its hash.

    Args:
        caller: the name of the caller.
        key: the idempotency key.
        owner: function and action, where they alone know the key. A key that is part of what was signed is known to
            every function: otherwise somebody who has recorded a mute could run it as an unmute.
    """
    return ":".join(("mute-call", "2", caller, *owner, hashlib.sha256(_bytes(key)).hexdigest()))


def fingerprint_of(action: str, parameters: Mapping[str, str]) -> str:
    """Return the SHA-256 of action and mapped parameters, in hexadecimal digits: it distinguishes requests."""
    return hashlib.sha256(_bytes(json.dumps([action, parameters], sort_keys=True))).hexdigest()


def once(store: Store, work: Work, ttl_s: int) -> Done:
    """Do the work, unless it was done or is being done.

    Args:
        store: keeps claims and answers.
        work: what to do.
        ttl_s: for how long an answer is kept.

    Raises:
        InProgress: somebody else is at it.
        IdempotencyKeyReused: the key stands for another request.
        IdempotencyUnavailable: the store cannot be asked in time; nothing was done.
    """
    left_s = work.deadline - time.monotonic()
    claim = CLAIM + json.dumps({"fingerprint": work.fingerprint, "owner": uuid.uuid4().hex})
    try:
        held = store.claim(work.name, claim, max(1, int(left_s * 1000)), time.monotonic() + left_s * _CLAIM_SHARE)
    except Exception as error:  # noqa: BLE001 - whatever it is (no memory, no thread), there is no claim
        raise IdempotencyUnavailable(f"claim failed: {cause_of(error)}") from None
    if held is not None:
        return Done(_earlier(held, work.fingerprint), replayed=True)
    outcome: Outcome
    try:
        outcome = work.run(work.deadline - left_s * _COMPLETE_SHARE)
    except Problem as problem:
        outcome = problem
    except Exception:
        _settle(store, work, claim, None, ttl_s)
        raise
    return Done(outcome, fault=_settle(store, work, claim, outcome, ttl_s))


def _settle(store: Store, work: Work, claim: str, outcome: Outcome | None, ttl_s: int) -> str | None:
    """Keep an outcome that is final, or release the claim; return what went wrong with that, and never raise it."""
    try:
        if outcome is None or (isinstance(outcome, Problem) and not outcome.is_final):
            store.release(work.name, claim, work.deadline)
            return None
        record = _record(work.fingerprint, outcome)
        kept = store.complete(work.name, record, ttl_s * 1000, work.deadline)
    except Exception as error:  # noqa: BLE001 - the work is done, and its outcome is the answer
        return f"answer not stored, claim not released: {cause_of(error)}"
    return None if kept else "answer not stored: the claim had expired, and the store has another request's answer"


def _record(fingerprint: str, outcome: Outcome) -> str:
    if isinstance(outcome, Problem):
        result: dict[str, Any] = {"reason": outcome.reason}
    else:
        result = {"fields": outcome.fields}
    return json.dumps({"fingerprint": fingerprint, "code": outcome.code, "upstream": outcome.upstream, **result})


def _earlier(held: Held, fingerprint: str) -> Outcome:
    """Return the outcome in a record of the store.

    Raises:
        InProgress, IdempotencyKeyReused: there is none yet, or one of another request.
        IdempotencyUnavailable: it is no record of ours.
    """
    try:
        record = json.loads(held.value.removeprefix(CLAIM))
        if _text(record["fingerprint"]) != fingerprint:
            raise IdempotencyKeyReused("idempotency key was used with other parameters or another action")
        if held.value.startswith(CLAIM):
            raise InProgress("a request with the same idempotency key is running", left_ms=held.left_ms)
        code, upstream = _text(record["code"]), Upstream(*map(_text_or_none, record["upstream"]))
        if kind := _FINAL.get(code):
            return kind(_text(record["reason"]), upstream=upstream)
        return Success(code, _fields(record["fields"], code), upstream)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, MemoryError):
        raise IdempotencyUnavailable("the store's record cannot be read") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _fields(fields: Mapping[str, object], code: str) -> dict[str, str | bool | None]:
    if fields["status"] != code:
        raise ValueError
    return {name: _flat(value) for name, value in fields.items()}


def _flat(value: object) -> str | bool | None:
    return value if isinstance(value, bool) else _text_or_none(value)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
