"""Calls of CCC, KMS and OSS in a process that has nothing left: `python -m tests.starved WHAT ADDRESS TLS_ADDRESS`.

It prints, as JSON, how each call ended while there was nothing and afterwards, and how many descriptors were leaked.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from functions.mute_call.index import MUTE_CALL
from shared.clients import ccc, connections, kms, oss, transport
from shared.runtime.context import Credentials
from shared.settings import read_settings
from tests.builders import PAYLOAD

CREDENTIALS = Credentials("STS.local", "local-secret", "local-token")


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def address_space() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


@contextlib.contextmanager
def limited(what: int, to: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (to, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (soft, hard))


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    # The lowest that is free is the first that is not to be had.
    lowest = os.dup(0)
    os.close(lowest)
    with limited(resource.RLIMIT_NOFILE, lowest):
        yield


@contextlib.contextmanager
def no_threads() -> Iterator[None]:
    # For real, but without taking the memory that is needed elsewhere: a stack that does not fit.
    usual = threading.stack_size(1 << 30)
    try:
        with limited(resource.RLIMIT_AS, address_space() + (1 << 28)):
            yield
    finally:
        threading.stack_size(usual)


@contextlib.contextmanager
def little_memory(room: int) -> Iterator[None]:
    """Leave so much; what this process has taken from the system and does not use is used up before."""
    hoard: list[bytearray] = []
    with limited(resource.RLIMIT_AS, address_space()):
        for size in (1 << 20, 1 << 15, 1 << 12):
            with contextlib.suppress(MemoryError):
                while True:
                    hoard.append(bytearray(size))
    # So that a thread is not all that fails.
    usual = threading.stack_size(1 << 18)
    try:
        with limited(resource.RLIMIT_AS, address_space() + room):
            yield
    finally:
        threading.stack_size(usual)
        hoard.clear()


# Each of them is tried: how much is missing decides where it fails.
STARVED: dict[str, list[Callable[[], contextlib.AbstractContextManager[None]]]] = {
    "descriptors": [no_descriptors],
    "threads": [no_threads],
    "memory": [functools.partial(little_memory, room) for room in range(0, 3_000_000, 200_000)],
}


def calls(address: str, tls_address: str) -> dict[str, Callable[[], object]]:
    variables = {"CCC_ENDPOINT": f"http://{address}", "KMS_ENDPOINT": f"http://{address}"}
    settings = read_settings(variables, region="cn-shanghai")
    bucket = oss.Bucket(f"http://{address}", "cn-shanghai", "letters")

    def deadline() -> float:
        return time.monotonic() + 10

    def over_tls() -> None:
        with transport.Exchange(deadline()).current():
            transport.send("POST", f"https://{tls_address}/", {}, None, connect_s=5, read_s=5)

    return {
        "TLS": over_tls,
        "CCC": lambda: ccc.call(MUTE_CALL, PAYLOAD, CREDENTIALS, settings, deadline()),
        "KMS": lambda: kms.read_secret("crm", CREDENTIALS, settings, deadline()),
        "OSS": lambda: oss.put(bucket, "key", b"{}", CREDENTIALS, deadline()),
    }


def end_of(call: Callable[[], object], starve: contextlib.AbstractContextManager[None]) -> str:
    failure: Exception | None = None
    with starve:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - which one it is, is what the test asks
            failure = error
    return f"{type(failure).__name__}: {failure}" if failure else "done"


def main(what: str, address: str, tls_address: str) -> None:
    by_name = calls(address, tls_address)
    before, ends = open_descriptors(), {name: list[str]() for name in by_name}
    for starve in STARVED[what]:
        for name, call in by_name.items():
            ends[name].append(end_of(call, starve()))
    # Without what a connection that is kept has open.
    connections.forget()
    gc.collect()
    leaked = open_descriptors() - before
    after = {name: end_of(call, contextlib.nullcontext()) for name, call in by_name.items()}
    json.dump({"ends": ends, "leaked": leaked, "after": after}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
