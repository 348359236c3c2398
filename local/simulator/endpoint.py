"""The simulated endpoint without its socket: a request goes in, a delivery comes out."""

import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from secrets import token_bytes
from typing import Any

from local.simulator import bodies
from local.simulator.actions import ACTIONS, Action
from local.simulator.delivery import Answer, Delivery, deliver
from local.simulator.errors import BusinessError, GatewayError
from local.simulator.fault import Fault
from local.simulator.fault_queue import FaultQueue
from local.simulator.gatekeeper import Gatekeeper
from local.simulator.nonces import Clock, NonceStore
from local.simulator.options import AccessKey, Options
from local.simulator.record import Record
from local.simulator.rendering import render, wants_json
from local.simulator.request import Request
from local.simulator.state import seed


def utc_now() -> datetime:
    """Return the current time, timezone-aware."""
    return datetime.now(timezone.utc)


def new_request_id() -> str:
    """Return an upper-case UUID of the version the live endpoint shows today."""
    return str(uuid.UUID(bytes=token_bytes(16), version=5)).upper()


class Endpoint:
    """State, options, faults and record, and the road of a request through them; safe for threads.

    Args:
        options: at the start, and after a reset that names no others.
        access_key: the one key that is known.
        clock: returns the current time, timezone-aware.
        nonces: of the requests verified so far; a store of its own by default.
    """

    def __init__(
        self,
        options: Options | None = None,
        access_key: AccessKey | None = None,
        clock: Clock = utc_now,
        nonces: NonceStore | None = None,
    ) -> None:
        self.options = self._initial_options = options or Options()
        self.state = seed()
        self.faults = FaultQueue()
        self.record = Record()
        self._clock = clock
        self._nonces = nonces or NonceStore(clock)
        self._gatekeeper = Gatekeeper(access_key or AccessKey(), ACTIONS, clock, self._nonces)
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Delivery:
        """Record a request, apply the fault whose turn it is, and return what the client gets."""
        entry = self.record.add(request, self._clock())
        delivery = deliver(
            self.faults.take(),
            perform=lambda: self._perform(request),
            refuse=lambda fault: _refuse(request, fault),
        )
        entry.status = delivery.answer.status if delivery.answer else None
        return delivery

    def reset(self, changes: object) -> None:
        """Start over: seeded state, no faults, no record, no nonces, the initial options with these changes.

        Raises:
            OptionError: the changes are not valid; nothing is reset.
        """
        options = self._initial_options.changed(changes)
        with self._lock:
            self.options = options
            self.state = seed()
            self.faults.clear()
            self.record.clear()
            self._nonces.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return what the control plane shows."""
        with self._lock:
            return {
                **self.state.as_json(),
                "options": self.options.as_json(),
                "pending_faults": len(self.faults),
                "requests_total": self.record.total,
                "requests": self.record.as_json(),
            }

    def _perform(self, request: Request) -> Answer:
        request_id = new_request_id()
        try:
            action = self._gatekeeper.admit(request)
            with self._lock:
                body = self._act(action, request.parameters, request_id)
        except BusinessError as error:
            body = bodies.business_error(request_id, error, self.options)
            if self.options.business_errors == "http-status":
                return _answer(request, body, error.status, root="Error")
        except GatewayError as error:
            return _answer(request, bodies.gateway_error(request_id, error), error.status, root="Error")
        return _answer(request, body, 200, root=f"{request.action}Response")

    def _act(self, action: Action, parameters: Mapping[str, str], request_id: str) -> bodies.Body:
        missing = action.missing(parameters)
        if missing and self.options.missing_parameter == "gateway":
            raise GatewayError.missing(missing)
        if missing:
            raise BusinessError("Parameter.Blank", missing)
        outcome = action.perform(self.state, parameters, strict=self.options.repeated_mute == "error")
        return bodies.success(request_id, outcome, self.options)


def _answer(request: Request, body: bodies.Body, status: int, *, root: str) -> Answer:
    content_type, text = render(body, root=root, as_json=wants_json(request))
    return Answer(status, {"Content-Type": content_type}, text)


def _refuse(request: Request, fault: Fault) -> Answer:
    error = GatewayError(fault.code, fault.message, fault.http_status)
    answer = _answer(request, bodies.gateway_error(new_request_id(), error), fault.http_status, root="Error")
    return answer.with_headers(fault.headers)
