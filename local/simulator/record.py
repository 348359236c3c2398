"""The record of API requests received, without the secrets that came with them."""

import threading
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from local.simulator.request import Request

KEPT = 1000
REDACTED = "***"
SECRETS = frozenset({"authorization", "x-acs-security-token"})


@dataclass
class Entry:
    """One request as the control plane shows it; `status` is None until, and unless, it is answered."""

    time: str
    method: str
    path: str
    action: str
    parameters: dict[str, str]
    headers: dict[str, str]
    status: int | None = None


class Record:
    """The last thousand requests and how many there were in all; safe for threads."""

    def __init__(self) -> None:
        self.total = 0
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, request: Request, now: datetime) -> Entry:
        """Record a request before it is judged and return its entry, for the status to be filled in."""
        headers = {name: ",".join(values) for name, values in request.header_values.items()}
        entry = Entry(
            now.isoformat(),
            request.method,
            request.path,
            request.action,
            request.parameters,
            {name: REDACTED if name in SECRETS else value for name, value in headers.items()},
        )
        with self._lock:
            self.total += 1
            self._entries.append(entry)
        return entry

    def as_json(self) -> list[dict[str, Any]]:
        """Return the requests, oldest first, as the control plane shows them."""
        with self._lock:
            return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Forget every request."""
        with self._lock:
            self.total = 0
            self._entries.clear()
