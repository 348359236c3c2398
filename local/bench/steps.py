"""Where a warm invocation's time goes: `python -m local.bench.steps COUNT` prints the median of each step, as JSON.

The SDK's call is timed around the SDK's own method, which sends by this project's transport.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

from functions.mute_call.index import MUTE_CALL
from local.bench.running import EVENT
from local.bench.subjects import ROOT
from shared.clients import rpc
from shared.function import Function
from shared.outcome import Success

_CALLERS = ROOT / "functions" / "mute_call" / "callers.toml"
# What lies before a mark, in the order of the road.
STEPS = {
    "body": "event",
    "caller": "configuration, caller",
    "verify": "verify",
    "decode": "decode",
    "map": "map",
    "parameters": "parameters",
    "age": "age",
    "key": "key",
    "client": "credentials, client",
    "call": "the SDK's call",
    "status": "status",
    "end": "answer, log line",
}
CALL = STEPS["call"]


class Timed(Function):
    """The function itself; it notes when each step was passed."""

    def __init__(self) -> None:
        super().__init__(MUTE_CALL, _CALLERS, observe=self.mark)
        self.marks: list[tuple[str, float]] = []

    def mark(self, step: str, found: object) -> None:
        """Note that a step has ended."""
        self.marks.append(("status" if isinstance(found, Success) else step, time.perf_counter()))


def measure(count: int) -> dict[str, float]:
    """Return the median milliseconds of each step."""
    function = Timed()
    _time_the_sdk(function.mark)
    event, context = EVENT.read_bytes(), SimpleNamespace(request_id="1-0", region="cn-shanghai")
    found: dict[str, list[float]] = {name: [] for name in STEPS.values()}
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        for number in range(count + 1):
            function.marks = []
            before = time.perf_counter()
            answer = function.handle(event, context)
            function.mark("end", None)
            if answer["statusCode"] != 200:  # noqa: PLR2004 - OK
                raise SystemExit(answer["body"])
            for step, at in function.marks:
                # The first one is cold.
                if number:
                    found[STEPS[step]].append((at - before) * 1000)
                before = at
    return {name: median(values) for name, values in found.items()}


def _time_the_sdk(mark: Callable[[str, object], None]) -> None:
    client = vars(rpc)["Client"]
    call: Callable[..., Any] = client.call_api

    def timed(*arguments: Any) -> Any:
        mark("client", None)
        try:
            return call(*arguments)
        finally:
            mark("call", None)

    client.call_api = timed


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(int(sys.argv[1]))))
