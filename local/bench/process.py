"""One process of a benchmark: `python -m local.bench.process MODULE COUNT` handles the documented event COUNT times.

Prints a JSON list: the seconds that each invocation took.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

# Nothing of ours is imported here: the cold start is the function's alone.
_EVENT = Path(__file__).parents[2] / "events" / "http.json"
_OK = 200


def main(module: str, count: int) -> None:
    """Import the module, initialize it if it can be, and invoke its `handler`."""
    context = SimpleNamespace(request_id="1-00000000-0000000000000000", region="cn-shanghai")
    function = importlib.import_module(module)
    # The log line goes to stdout; here stdout is for the figures.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        if hasattr(function, "initialize"):
            function.initialize(context)
        event, seconds = _EVENT.read_bytes(), []
        for _ in range(count):
            began = time.perf_counter()
            answer = function.handler(event, context)
            seconds.append(time.perf_counter() - began)
            if answer["statusCode"] != _OK:
                raise SystemExit(answer["body"])
    sys.stdout.write(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
