"""One instance of a benchmark, run with `-I -S`: nothing but the code folder and the standard library.

    process.py FOLDER COUNT AFTER

Handles the documented event, given on stdin, COUNT times. Prints a JSON object: when the first answer was there (by the
clock that all processes share), the CPU time and the memory that it had taken by then, and the CPU time of all later
invocations; and the memory before the invocation AFTER (if there is one) and at the end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_OK = 200


def main(folder: str, count: int, after: int) -> dict[str, Any]:
    """Import `index` of the folder, initialize it if it can be, and invoke its `handler`."""
    sys.path.insert(0, folder)
    event = sys.stdin.buffer.read()
    context = SimpleNamespace(request_id="1-00000000-0000000000000000", region="cn-shanghai")
    result: dict[str, Any] = {}
    # The log line goes to stdout, but stdout is for the figures.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        index = importlib.import_module("index")
        if hasattr(index, "initialize"):
            index.initialize(context)
        for number in range(count):
            if number == after:
                result["before"] = _memory()
            answer = index.handler(event, context)
            if answer["statusCode"] != _OK:
                raise SystemExit(answer["body"])
            if number == 0:
                result["first"] = time.monotonic()
                result["cpu"] = time.process_time()
                result["peak"] = _peak()
    result["later_cpu"] = time.process_time() - result["cpu"]
    result["after"] = _memory()
    return result


def _peak() -> int:
    """Return the peak memory of this process in bytes; `getrusage` would include that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def _memory() -> dict[str, int]:
    """Return the blocks that Python has allocated, and the bytes that the process has."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return {"blocks": sys.getallocatedblocks(), "bytes": resident * os.sysconf("SC_PAGE_SIZE")}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
