"""The console around the gateway's handler: it answers requests for its page, and records all others."""

from __future__ import annotations

import time

from local.console.deliveries import Deliveries
from local.console.log_lines import LogLines
from local.console.routes import PREFIX, Routes
from local.gateway import Gateway
from local.gateway.gateway import Handler
from local.gateway.message import Request
from local.http import Answer
from local.simulator import Simulator


class Console:
    """Looks at one gateway and one simulator.

    Args:
        gateway: its settings, and its address once it listens.
        simulator: behind it.
        lines: the function's log, as it is printed.
    """

    def __init__(self, gateway: Gateway, simulator: Simulator, lines: LogLines) -> None:
        self._deliveries = Deliveries()
        self._routes = Routes(gateway, simulator, self._deliveries, lines)

    def wrap(self, handler: Handler) -> Handler:
        """Return what answers in the place of a handler; for a `Gateway`'s `wrap`."""

        def answer(request: Request) -> Answer:
            if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
                return self._routes(request)
            began = time.monotonic()
            answer = handler(request)
            self._deliveries.add(request, answer, (time.monotonic() - began) * 1000)
            return answer

        return answer
