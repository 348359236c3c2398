"""Functions for the gateway to serve; `calls` and the events are how a test looks inside and steers."""

import json
import os
import sys
import threading
from typing import Any

calls: list[str] = []
started = threading.Event()
release = threading.Event()
finished = threading.Event()


def reset() -> None:
    calls.clear()
    for event in (started, release, finished):
        event.clear()


def respond(body: object, **headers: str) -> dict[str, Any]:
    return {"statusCode": 200, "headers": headers, "isBase64Encoded": False, "body": json.dumps(body)}


def echo(event: bytes, _context: object) -> dict[str, Any]:
    """The event, as the body of the answer."""
    return respond(json.loads(event))


def raw(event: bytes, _context: object) -> bytes:
    """The event's bytes, untouched."""
    return event


def count(event: bytes, _context: object) -> str:
    calls.append("handler")
    return f"call {len(calls)} with {len(event)} bytes"


def prepare(context: Any) -> object:
    calls.append(f"initializer {context.request_id}")
    return object()


def prepare_badly_once(_context: object) -> None:
    calls.append(os.environ["FC_INSTANCE_ID"])
    if len(calls) == 1:
        raise RuntimeError("no configuration")


def prepare_and_leave(_context: object) -> None:
    sys.exit("leaving")


def prepare_for_long(_context: object) -> None:
    release.wait(10)


def describe(_event: bytes, context: Any) -> dict[str, Any]:
    """What a function can see of context and environment."""
    names = ("FC_", "ALIBABA_CLOUD_")
    return {
        "request_id": context.request_id,
        "timeout": context.function.timeout,
        "credentials": vars(context.credentials) if hasattr(context, "credentials") else None,
        "environment": {name: value for name, value in os.environ.items() if name.startswith(names)},
    }


def overlap(_event: bytes, _context: object) -> int:
    """How many invocations were running at once."""
    calls.append("in")
    # Hands the interpreter to whoever could come in between.
    release.wait(0.01)
    running = calls.count("in") - calls.count("out")
    calls.append("out")
    return running


def wait(_event: bytes, _context: object) -> str:
    """Waits for the test; what comes second, or after the release, does not wait."""
    calls.append(threading.current_thread().name)
    if len(calls) == 1:
        started.set()
        release.wait(10)
        finished.set()
    return "done"


def wait_and_read(_event: bytes, _context: object) -> str:
    """The security token in the environment, once the test releases it."""
    started.set()
    release.wait(10)
    return os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"]


def run_as_told(event: bytes, context: Any) -> object:
    """Does what the event's body says."""
    told = json.loads(event)["body"]
    if told == "raise":
        raise ValueError("something is wrong")
    if told == "raise TimeoutError":
        raise TimeoutError("of its own")
    if told == "exit":
        sys.exit(3)
    if told == "interrupt":
        raise KeyboardInterrupt
    if told == "log":
        sys.stdout.write(f'{{"request_id":"{context.request_id}"}}\n')
        return None
    results: dict[str, object] = {
        "bytes in an envelope": {"statusCode": 200, "body": b"bytes"},
        "str": "plain",
        "bytes": b"\xff",
        "number": 7,
        "no content": {"statusCode": 204},
        "reserved": respond(
            "ok", **{"X-Fc-Request-Id": "mine", "content-length": "0", "Retry-After": "1", "date": "x"}
        ),
        "bad status": {"statusCode": "200"},
    }
    return results[told]
