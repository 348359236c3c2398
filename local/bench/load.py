"""Load from many callers at once, each on a connection of its own, one request after the other."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

_LENGTH = b"content-length:"


class Load(NamedTuple):
    """What a load has seen.

    Attributes:
        seconds: how long each request took.
        elapsed_s: from the first request to the last answer.
        failed: how many were not answered 200.
    """

    seconds: list[float]
    elapsed_s: float
    failed: int


def press(port: int, request: bytes, callers: int, duration_s: float) -> Load:
    """Send the request from so many callers for so long.

    Args:
        port: on 127.0.0.1.
        request: one HTTP/1.1 request with its body, as bytes.
        callers: connections at a time.
        duration_s: after which none begins another request.
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
