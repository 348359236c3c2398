"""Instances of the function as processes of their own, to be killed and frozen."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from local.demo.stack import DEMO_TOKEN, HANDLER, TOKEN_VARIABLE
from tests.builders import PAYLOAD

ROOT = Path(__file__).parent.parent.parent
DEADLINE_S = 1.5
# A tenth above the deadline is promised; the rest is for a machine that runs the whole suite at the same time.
LATEST_S = DEADLINE_S * 1.1 + 1.5
TIMEOUT_S = 60


class Answer(NamedTuple):
    """What a sender gets, and when."""

    status: int
    code: str
    replayed: bool
    retry_after: str | None
    seconds: float


class Instance:
    """One process that serves the function."""

    def __init__(self, endpoint: str, store: str = "memory://") -> None:
        environment = os.environ | {
            "CCC_ENDPOINT": f"http://{endpoint}",
            "CCC_READ_TIMEOUT_MS": "1200",
            "DEADLINE_MS": str(int(DEADLINE_S * 1000)),
            "IDEMPOTENCY_URL": store,
            TOKEN_VARIABLE: DEMO_TOKEN,
        }
        command = [sys.executable, "-m", "local.gateway", HANDLER, "--port", "0"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
        assert self.process.stdout is not None
        self.address = urlsplit(self.process.stdout.readline().split()[-1]).netloc
        self.log: list[dict[str, Any]] = []
        # Read all the time, or the process would wait for its full pipe.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def post(self, key: str, **changes: str) -> Answer:
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        headers = {
            "Authorization": f"Bearer {DEMO_TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        began = time.monotonic()
        try:
            connection.request("POST", "/", json.dumps({**PAYLOAD, **changes}), headers)
            response = connection.getresponse()
            body = json.loads(response.read())
        finally:
            connection.close()
        code = body.get("code") or body["status"]
        replayed = response.getheader("Idempotency-Replayed") == "true"
        return Answer(response.status, code, replayed, response.getheader("Retry-After"), time.monotonic() - began)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(json.loads(line))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
