"""One instance of a built-in Python runtime, as far as a function can tell; run with `-I -S` by the tests beside it.

Argument: the code folder. Standard input: `{"event": …, "request_id": …, "credentials": …}`, the last two for the
context, credentials or null.
Standard output: the function's own. Standard error: what came of it, as JSON.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod"}

written: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        if not isinstance(path, int) and flags & WRITING:
            written.append(os.fsdecode(path))
    elif event in CHANGES:
        written.append(os.fsdecode(arguments[0]))


def main() -> None:
    (code,) = sys.argv[1:]
    given = json.load(sys.stdin)
    credentials = given["credentials"]
    role = {"credentials": SimpleNamespace(**credentials)} if credentials else {}
    context = SimpleNamespace(request_id=given["request_id"], region="cn-shanghai", account_id="1", **role)
    sys.addaudithook(watch)
    sys.path.insert(0, code)
    index = importlib.import_module("index")
    index.initialize(context)
    response = index.handler(json.dumps(given["event"]).encode(), context)
    shipped = [module for module in sys.modules.values() if str(getattr(module, "__file__", "")).startswith(code)]
    sources = [module for module in shipped if str(module.__file__).endswith(".py")]
    result = {
        "response": response,
        "python": sys.version_info[:2],
        "installed": [path for path in sys.path if "-packages" in path],
        "written": list(written),
        "scratch": tempfile.gettempdir(),
        "shipped": len(sources),
        "compiled_anew": [module.__name__ for module in sources if not Path(str(module.__cached__)).exists()],
    }
    json.dump(result, sys.stderr)


main()
