"""The console's answers to the requests of its page."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.cli.command_line import UsageError, callers_file
from local.console import explanation, faults, pages, picture, sending, shown
from local.console.deliveries import Deliveries
from local.console.guard import RefusalError, check
from local.console.log_lines import LogLines
from local.deployed import ACTIONS
from local.gateway import Gateway
from local.gateway.message import Request
from local.http import Answer
from local.simulator import Simulator

PREFIX = "/_console"
_READS = ("GET", "HEAD")
_NUMBER = re.compile(r"[0-9]{1,9}")


class Routes:
    """From a request below `PREFIX` to its answer.

    Args:
        gateway: whose function is looked at.
        simulator: behind it.
        deliveries: those of the gateway.
        lines: the function's log.
    """

    def __init__(self, gateway: Gateway, simulator: Simulator, deliveries: Deliveries, lines: LogLines) -> None:
        self._gateway = gateway
        self._simulator = simulator
        self._deliveries = deliveries
        self._lines = lines
        self._reads: dict[str, Callable[[], Answer]] = {"state": self._state, "callers": self._callers}
        self._writes: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "send": self._send,
            "faults": self._add_fault,
            "unmute": self._unmute,
            "reset": self._reset,
        }

    def __call__(self, request: Request) -> Answer:
        """Return the answer; never raises."""
        try:
            check(request, self._gateway.url)
            return self._answer(request)
        except RefusalError as refusal:
            return pages.problem(refusal.status, str(refusal))
        except UsageError as error:
            return pages.problem(400, str(error))
        except Exception as error:  # noqa: BLE001 - its text may quote a request
            return pages.problem(500, f"a defect of the console: {type(error).__name__}")

    def _answer(self, request: Request) -> Answer:
        name = request.path.removeprefix(PREFIX).removeprefix("/")
        if write := self._writes.get(name):
            return write(_decoded(request.body)) if request.method == "POST" else _not_allowed("POST")
        if request.method not in _READS:
            return _not_allowed("GET, HEAD")
        if read := self._reads.get(name):
            return read()
        if name.startswith("deliveries/"):
            return self._delivery(name.removeprefix("deliveries/"))
        return pages.page_file(name or pages.START) or pages.problem(404, "the console has no such page")

    def _state(self) -> Answer:
        rows = [
            shown.row(delivery, self._lines.of(delivery.request.request_id))
            for delivery in self._deliveries.newest_first()
        ]
        return pages.as_json({**picture.picture(self._simulator.snapshot()), "deliveries": rows})

    def _callers(self) -> Answer:
        return pages.as_json(sending.forms(_callers_file(self._function), self._function, os.environ))

    def _delivery(self, number: str) -> Answer:
        delivery = self._deliveries.get(int(number)) if _NUMBER.fullmatch(number) else None
        if delivery is None:
            return pages.problem(404, "this delivery is no longer kept")
        lines = self._lines.of(delivery.request.request_id)
        settings = self._gateway.serving(delivery.request).settings
        callers = _callers_file(settings.function_name)
        steps = explanation.steps(delivery, lines, settings, callers, os.environ)
        return pages.as_json(
            {
                **shown.row(delivery, lines),
                "steps": steps or [],
                "changed": steps is None,
                "answer": shown.answer(delivery.answer),
                "log": lines,
            }
        )

    def _send(self, asked: dict[str, Any]) -> Answer:
        name, payload = asked.get("caller"), asked.get("payload")
        if not isinstance(name, str) or not isinstance(payload, str):
            raise UsageError("caller and payload must be texts")
        answer = sending.send(self._gateway, _callers_file(self._function), os.environ, name, payload)
        # It was noted before it was answered, and may be forgotten since.
        return pages.as_json({"number": self._deliveries.number_of(answer.request_id)})

    def _add_fault(self, asked: dict[str, Any]) -> Answer:
        script = faults.script(asked.get("fault"), ACTIONS[self._function].name)
        if script is None:
            raise UsageError(f"fault must be one of {', '.join(faults.FAULTS)}")
        return pages.as_json({"pending_faults": self._simulator.faults.add(script)})

    def _unmute(self, _: dict[str, Any]) -> Answer:
        picture.unmute(self._simulator.state)
        return pages.as_json({})

    def _reset(self, _: dict[str, Any]) -> Answer:
        self._simulator.reset()
        self._deliveries.clear()
        return pages.as_json({})

    @property
    def _function(self) -> str:
        return self._gateway.settings.function_name


def _callers_file(function: str) -> Path:
    """Return the file that the function reads now."""
    named = os.environ.get("CALLERS_FILE")
    return Path(named) if named else callers_file(function)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("the body must be a JSON object")
    return value


def _not_allowed(methods: str) -> Answer:
    answer = pages.problem(405, f"the method must be {methods}")
    return Answer(answer.status, {**answer.headers, "Allow": methods}, answer.body)
