"""The last deliveries, in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from local.gateway.message import Request
from local.http import Answer

MOST = 100
# Of the bodies together: what a hundred requests of the longest kind would hold is the machine's memory.
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Delivery:
    """One request that the gateway has answered.

    Attributes:
        number: counts from 1.
        request: as it came; what of it may be shown, `shown` and `explanation` say.
        answer: as it went.
        ms: how long that took, in milliseconds.
    """

    number: int
    request: Request = field(repr=False)
    answer: Answer = field(repr=False)
    ms: float


class Deliveries:
    """The last ones, at most `MOST`, and fewer where their bodies are long; safe for threads."""

    def __init__(self) -> None:
        self._kept: list[Delivery] = []
        self._count = 0
        self._lock = threading.Lock()

    def add(self, request: Request, answer: Answer, ms: float) -> None:
        """Note one; the oldest make room for it."""
        with self._lock:
            self._count += 1
            self._kept.append(Delivery(self._count, request, answer, ms))
            while len(self._kept) > MOST or (len(self._kept) > 1 and self._size() > MOST_BYTES):
                del self._kept[0]

    def newest_first(self) -> list[Delivery]:
        """Return those that are kept."""
        with self._lock:
            return self._kept[::-1]

    def get(self, number: int) -> Delivery | None:
        """Return the delivery of this number, if it is kept."""
        return next((delivery for delivery in self.newest_first() if delivery.number == number), None)

    def number_of(self, request_id: str) -> int | None:
        """Return the number of the delivery of this request, if it is kept."""
        kept = self.newest_first()
        return next((delivery.number for delivery in kept if delivery.request.request_id == request_id), None)

    def clear(self) -> None:
        """Forget them all; numbers go on."""
        with self._lock:
            self._kept.clear()

    def _size(self) -> int:
        return sum(len(delivery.request.body) for delivery in self._kept)
