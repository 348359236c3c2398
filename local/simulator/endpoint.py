"""The simulated endpoint without its socket: a request goes in, a delivery comes out."""

import threading
import uuid
from datetime import datetime, timezone
from http import HTTPStatus
from secrets import token_bytes
from typing import Any

from local.http import Answer, Delivery
from local.simulator.delivery import deliver
from local.simulator.errors import GatewayError
from local.simulator.fault import Fault, FaultQueue
from local.simulator.gatekeeper import Clock, Gatekeeper
from local.simulator.options import AccessKey, Options
from local.simulator.products import BY_ACTION, PRODUCTS, Order
from local.simulator.record import Record
from local.simulator.rendering import gateway_error, render, wants_json
from local.simulator.request import Request
from local.simulator.state import Version, seed


def utc_now() -> datetime:
    """Return the current time, timezone-aware."""
    return datetime.now(timezone.utc)


def new_request_id() -> str:
    """Return an upper-case UUID of the version the live endpoint shows today."""
    return str(uuid.UUID(bytes=token_bytes(16), version=5)).upper()


class Endpoint:
    """State, options, faults and record, and the handling of requests; safe for threads.

    Args:
        options: at the start, and after a reset that names no others.
        access_key: the one key that is known.
        clock: returns the current time, timezone-aware.
    """

    def __init__(
        self,
        options: Options | None = None,
        access_key: AccessKey | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.options = self._initial_options = options or Options()
        self.state = seed()
        self.faults = FaultQueue()
        self.record = Record()
        self._clock = clock
        self._gatekeeper = Gatekeeper(access_key or AccessKey(), clock)
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Delivery:
        """Record a request, apply the fault whose turn it is, and return what the client gets."""
        entry = self.record.add(request, self._clock())
        delivery = deliver(
            self.faults.take(request.action),
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
            self._gatekeeper.forget()

    def put_secret(self, name: object, value: object) -> Version:
        """Create a secret of KMS, or put a new version of it.

        Raises:
            SecretError: no name or no value that KMS would take.
        """
        with self._lock:
            return self.state.vault.put(name, value, self._clock())

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
            perform = self._gatekeeper.admit(request)
            with self._lock:
                reply = perform(Order(self.state, request.parameters, self.options, request_id))
        except GatewayError as error:
            return _refusal(request, error, request_id)
        root = f"{request.action}Response" if reply.status == HTTPStatus.OK else "Error"
        return _answer(request, reply.body, reply.status, root=root)


def _answer(request: Request, body: dict[str, Any], status: int, *, root: str) -> Answer:
    content_type, text = render(body, root=root, as_json=wants_json(request))
    return Answer(status, {"Content-Type": content_type}, text)


def _refusal(request: Request, error: GatewayError, request_id: str) -> Answer:
    product = BY_ACTION.get(request.action, PRODUCTS[0])
    return _answer(request, gateway_error(request_id, error, product), error.status, root="Error")


def _refuse(request: Request, fault: Fault) -> Answer:
    error = GatewayError(fault.code, fault.message, fault.http_status)
    return _refusal(request, error, new_request_id()).with_headers(fault.headers)
