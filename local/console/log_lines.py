"""The function's log lines, read where they are printed."""

from __future__ import annotations

import io
import json
import threading
from collections import OrderedDict
from typing import Any, TextIO

# More than there are deliveries, since some requests leave two lines and others leave the list.
MOST_REQUESTS = 400


class LogLines(io.TextIOBase):
    """Stands in for stdout: prints what it is given, and keeps the log lines among it by their request id."""

    def __init__(self, stream: TextIO) -> None:
        """Print to a stream.

        Args:
            stream: where to.
        """
        self._stream = stream
        self._by_request: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Print a text; a log line is written at once, as a whole."""
        self._keep(text)
        return self._stream.write(text)

    def flush(self) -> None:
        """Flush what is printed to."""
        self._stream.flush()

    def of(self, request_id: str) -> list[dict[str, Any]]:
        """Return the lines of one request, in their order."""
        with self._lock:
            return list(self._by_request.get(request_id, ()))

    def _keep(self, text: str) -> None:
        try:
            line = json.loads(text)
            request_id = line["request_id"]
        except (ValueError, LookupError, TypeError, RecursionError):
            # Whatever else is printed.
            return
        with self._lock:
            self._by_request.setdefault(str(request_id), []).append(line)
            while len(self._by_request) > MOST_REQUESTS:
                self._by_request.popitem(last=False)
