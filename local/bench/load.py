"""One instance of the custom runtime under load: many callers, each on a connection, one request after the other."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import NamedTuple

from local.bench.running import serving
from local.bench.subjects import ROOT, Subject
from local.demo.stack import DEMO_TOKEN

_LENGTH = b"content-length:"
_WARM_UP_S = 1.0


class Load(NamedTuple):
    """The result of a load.

    Attributes:
        seconds: how long each request took.
        elapsed_s: from the first request to the last answer.
        failed: how many were not answered 200.
    """

    seconds: list[float]
    elapsed_s: float
    failed: int


def measure(
    subject: Subject, callers: Sequence[int], seconds: float, environment: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Return, by the number of callers, what the packaged server did.

    That is requests `per_second`, `cpu_ms` of each, throughput `of_the_limit` of one core (1 / CPU seconds of a
    request), and how long a request took (`p50_ms`, `p99_ms`).

    Args:
        subject: our package.
        callers: the numbers of callers at a time.
        seconds: of load for each figure.
        environment: of the instance.
    """
    command = [sys.executable, "-S", "-W", "ignore", "-m", "shared.server", "index:FUNCTION"]
    command += ["--port", "0", "--concurrency", str(max(callers))]
    found = {}
    with serving(command, environment, subject.folder) as instance:
        for count in callers:
            press(instance.port, _request(), count, _WARM_UP_S)
            before = instance.cpu_seconds()
            load = press(instance.port, _request(), count, seconds)
            found[str(count)] = _figures(load, instance.cpu_seconds() - before)
    return found


def press(port: int, request: bytes, callers: int, duration_s: float) -> Load:
    """Send a request from many callers at a time, repeatedly.

    Args:
        port: on 127.0.0.1.
        request: one HTTP/1.1 request with its body, as bytes.
        callers: connections at a time.
        duration_s: seconds until no caller starts another request.
    """
    return asyncio.run(_press(port, request, callers, duration_s))


async def _press(port: int, request: bytes, callers: int, duration_s: float) -> Load:
    seconds: list[float] = []
    failed = 0
    began = time.perf_counter()

    async def call() -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (sent := time.perf_counter()) - began < duration_s:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next(int(line[len(_LENGTH) :]) for line in lines if line.startswith(_LENGTH))
            await reader.readexactly(length)
            seconds.append(time.perf_counter() - sent)
            failed += not head.startswith(b"HTTP/1.1 200 ")
        writer.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    return Load(seconds, time.perf_counter() - began, failed)


def _figures(load: Load, cpu_s: float) -> dict[str, float]:
    if load.failed:
        raise SystemExit(f"{load.failed} of {len(load.seconds)} requests failed")
    percentiles = quantiles(load.seconds, n=100)
    return {
        "per_second": len(load.seconds) / load.elapsed_s,
        "cpu_ms": cpu_s / len(load.seconds) * 1000,
        "of_the_limit": cpu_s / load.elapsed_s,
        "p50_ms": percentiles[49] * 1000,
        "p99_ms": percentiles[98] * 1000,
    }


def _request() -> bytes:
    body = json.dumps(json.loads((ROOT / "events" / "direct.json").read_text(encoding="utf-8"))).encode()
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {DEMO_TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
