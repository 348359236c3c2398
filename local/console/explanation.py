"""The steps of a delivery, computed when somebody opens it: those of `local.explain`, without values.

The steps use the current configuration. If their result differs from that of the delivery, nothing is explained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.console.deliveries import Delivery
from local.console.shown import code_of, is_direct, met_the_function, webhook_line
from local.explain.masking import Mask
from local.explain.report import report
from local.explain.walk import Walk, walk
from local.gateway.errors import RejectionError
from local.gateway.event import build_event
from local.gateway.message import Request
from local.gateway.settings import Settings
from shared.outcome import Success
from shared.payload.parameters import CallParameters
from shared.problems import (
    ConfigurationError,
    Forbidden,
    InvalidParameters,
    MalformedRequest,
    MethodNotAllowed,
    PayloadTooLarge,
    Problem,
    Unauthorized,
    UnsupportedMediaType,
)

# Their findings are names and sizes; those of the others are the request itself.
_HARMLESS = ("body", "caller", "verify", "age", "key")
_NOTHING_TO_HIDE = Mask((), ())
# How a request may end before a call of CCC. This one may come from KMS, before it, or from CCC.
_UNAVAILABLE = "upstream_unavailable"
_DISTANCE = re.compile(r"[0-9]+(?= s (ahead of|behind|by) )")
_BEFORE_THE_CALL = {
    problem.code
    for problem in (
        PayloadTooLarge,
        MethodNotAllowed,
        MalformedRequest,
        ConfigurationError,
        Unauthorized,
        Forbidden,
        UnsupportedMediaType,
        InvalidParameters,
    )
}


def steps(
    delivery: Delivery,
    lines: Sequence[Mapping[str, Any]],
    settings: Settings,
    callers_file: Path,
    environ: Mapping[str, str],
) -> list[dict[str, Any]] | None:
    """Return the steps of a delivery, each with the harmless part of its finding; none if it never met the function.

    `None` if the configuration has changed since then, so the steps would have another outcome than the delivery.

    Args:
        delivery: the delivery.
        lines: of the log, for its request.
        settings: of the function.
        callers_file: the callers file.
        environ: for settings and secrets, as they are now.
    """
    request = delivery.request
    event = _event(request, settings) if met_the_function(delivery.answer) else None
    if event is None:
        return []
    done = walk(
        event,
        callers_file,
        environ,
        function=settings.function_name,
        runtime=settings.runtime,
        now=request.received.timestamp(),
    )
    line = webhook_line(lines)
    if not _ends_as(done, line.get("code") or code_of(delivery.answer), line):
        return None
    found = done.found
    return [_step(step, found.get(step["step"])) for step in report(done, _NOTHING_TO_HIDE)["steps"]]


def _event(request: Request, settings: Settings) -> bytes | None:
    if is_direct(request):
        return request.body
    try:
        return build_event(request, account_id=settings.account_id, region=settings.region)
    except RejectionError:
        return None


def _ends_as(done: Walk, code: str | None, line: Mapping[str, Any]) -> bool:
    """Whether a walk may end as a delivery did: with its code and, where the log has a line, its caller and its reason.

    Args:
        done: the walk; CCC is taken to accept.
        code: of the delivery, `None` where it is unknown.
        line: of the log, empty where there is none.
    """
    if code is None:
        return True
    if line and line["caller"] != done.caller_name:
        return False
    if isinstance(done.outcome, Problem):
        return code == done.outcome.code and (not line or _same(line["reason"], done.outcome.reason))
    if isinstance(done.outcome, Success) and done.asked is None:
        return code == done.outcome.code
    if code == _UNAVAILABLE:
        return not line or bool(line["attempts"])
    return code not in _BEFORE_THE_CALL


def _same(logged: str, reason: str) -> bool:
    """Whether two reasons are one: how far a clock is off differs by the moment at which it is looked at."""
    return _DISTANCE.sub("", logged) == _DISTANCE.sub("", reason)


def _step(step: Mapping[str, Any], found: object) -> dict[str, Any]:
    name = step["step"]
    if not step["passed"]:
        return {"name": name, "passed": False, "reason": step["reason"], "code": step["code"]}
    if isinstance(found, CallParameters):
        return {"name": name, "passed": True, "found": ", ".join(found.model_dump(exclude_none=True))}
    return {"name": name, "passed": True, "found": found if name in _HARMLESS else None}
