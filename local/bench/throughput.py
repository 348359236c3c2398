"""One instance under many callers, built-in and custom: requests a second, CPU a request, and how long each took."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from statistics import quantiles
from typing import NamedTuple

from local.bench.load import press
from local.bench.running import Server, serving
from local.bench.subjects import ROOT, Subject
from local.demo.stack import DEMO_TOKEN, HANDLER

BUILT_IN, CUSTOM, WAITRESS = "built-in", "custom", "custom, by waitress"
_WARM_UP_S = 1.0


class Throughput(NamedTuple):
    """One instance at one number of callers.

    Attributes:
        per_second: answers.
        cpu_ms: that the instance has used per request.
        of_the_limit: throughput by what one core could do, 1 / CPU seconds per request.
        p50_ms: how long a request took.
        p99_ms: likewise.
    """

    per_second: float
    cpu_ms: float
    of_the_limit: float
    p50_ms: float
    p99_ms: float


def measure(
    subject: Subject, callers: tuple[int, ...], seconds: float, environment: Mapping[str, str]
) -> dict[str, dict[int, Throughput]]:
    """Return the figures of each server, by the number of callers.

    A built-in runtime takes one request at a time; the gateway plays it, and its HTTP is in the figures. The custom one
    is the packaged server itself, and beside it stands another server for the same application.

    Args:
        subject: our package.
        callers: at a time.
        seconds: of load for each figure.
        environment: of the instance.
    """
    gateway = [sys.executable, "-W", "ignore", "-m", "local.gateway", HANDLER, "--port", "0"]
    threads = str(max(callers))
    server = [sys.executable, "-S", "-W", "ignore", "-m", "shared.server", "index:FUNCTION"]
    server += ["--port", "0", "--concurrency", threads]
    waitress = [sys.executable, "-W", "ignore", "-m", "local.bench.by_waitress", "--threads", threads]
    commands = {BUILT_IN: (gateway, ROOT), CUSTOM: (server, subject.folder), WAITRESS: (waitress, ROOT)}
    found: dict[str, dict[int, Throughput]] = {}
    for name, (command, folder) in commands.items():
        with serving(command, environment, folder) as instance:
            found[name] = {count: _press(instance, count, seconds) for count in callers}
    return found


def _press(instance: Server, callers: int, seconds: float) -> Throughput:
    request = _request()
    press(instance.port, request, callers, _WARM_UP_S)
    before = instance.cpu_seconds()
    load = press(instance.port, request, callers, seconds)
    cpu_s = (instance.cpu_seconds() - before) / len(load.seconds)
    if load.failed:
        raise SystemExit(f"{load.failed} of {len(load.seconds)} requests failed")
    per_second = len(load.seconds) / load.elapsed_s
    percentiles = quantiles(load.seconds, n=100)
    return Throughput(per_second, cpu_s * 1000, per_second * cpu_s, percentiles[49] * 1000, percentiles[98] * 1000)


def _request() -> bytes:
    body = json.dumps(json.loads((ROOT / "events" / "direct.json").read_text(encoding="utf-8"))).encode()
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {DEMO_TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
