"""Each step that a delivery has taken, made when it is looked at: the road of `local.explain`, without its values."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.console.shown import is_direct
from local.explain.masking import Mask
from local.explain.report import report
from local.explain.road import Walk, walk
from local.gateway.event import build_event
from local.gateway.message import RejectionError, Request
from local.gateway.settings import Settings
from shared.parameters import CallParameters

# Their findings are names and sizes; those of the others are the request itself.
_HARMLESS = ("body", "caller", "verify", "age", "key")
# A walk puts its own log in the place of stdout: two at a time would leave it there.
_ONE_AT_A_TIME = threading.Lock()
_NOTHING_TO_HIDE = Mask((), ())


def steps(request: Request, settings: Settings, callers_file: Path, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the steps of a request's road, each with what is harmless of what it found.

    Args:
        request: as it came.
        settings: of the function.
        callers_file: the callers file.
        environ: for settings and secrets, as they are now.
    """
    event = _event(request, settings)
    if event is None:
        return []
    with _ONE_AT_A_TIME:
        done = walk(
            event,
            callers_file,
            environ,
            function=settings.function_name,
            runtime=settings.runtime,
            now=request.received.timestamp(),
        )
        _put_back(done)
    found = dict(done.trace.steps)
    return [_step(step, found.get(step["step"])) for step in report(done, _NOTHING_TO_HIDE)["steps"]]


def _event(request: Request, settings: Settings) -> bytes | None:
    if is_direct(request):
        return request.body
    try:
        return build_event(request, account_id=settings.account_id, region=settings.region)
    except RejectionError:
        return None


def _put_back(done: Walk) -> None:
    """Print the lines of requests that the function has served meanwhile."""
    for line in done.lines:
        if line["request_id"] != done.trace.request_id:
            sys.stdout.write(json.dumps(line) + "\n")


def _step(step: Mapping[str, Any], found: object) -> dict[str, Any]:
    name = step["step"]
    if not step["passed"]:
        return {"name": name, "passed": False, "reason": step["reason"], "code": step["code"]}
    if isinstance(found, CallParameters):
        return {"name": name, "passed": True, "found": ", ".join(found.model_dump(exclude_none=True))}
    return {"name": name, "passed": True, "found": found if name in _HARMLESS else None}
