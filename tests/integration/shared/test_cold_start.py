"""What a cold start loads: pinned, because a release of a library may begin to import more."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from shared.clients import import_stubs, lean_imports
from tests.builders import environment

# A new process, as an instance is; what Python itself has loaded before is not the function's.
INSTANCE = """
import json, sys
before, compiled = set(sys.modules), []
sys.addaudithook(lambda event, told: compiled.append(1) if event == "compile" and told[1] == "<string>" else None)
from types import SimpleNamespace
from functions.mute_call import index
compiled_by_import = len(compiled)
index.initialize(SimpleNamespace(request_id="1", region="cn-shanghai"))
print(json.dumps([compiled_by_import, sorted(set(sys.modules) - before)]))
"""
# Beside what the stand-ins are for: what only some requests need, and what the heavy ones brought with them.
HEAVY = {
    *(name for name in (*import_stubs.SDK, *import_stubs.REDIS, *import_stubs.OSS, *lean_imports.STANDARD_LIBRARY)),
    *("apscheduler", "tzlocal", "attr", "yarl", "multidict", "charset_normalizer", "idna", "cffi", "multiprocessing"),
    *("alibabacloud_ccc20200701", "alibabacloud_tea_util", "jmespath", "redis", "gunicorn", "urllib3"),
    *("alibabacloud_oss_v2", "shared.clients.oss"),
    *("shared.idempotency.redis", "http", "email", "xmlrpc", "unittest", "sqlite3", "concurrent"),
}


def imported_with(**variables: str) -> tuple[int, list[str]]:
    """Return how many annotations and the like are compiled, and what is loaded."""
    run = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-W", "ignore", "-c", INSTANCE],
        env={**os.environ, **environment(**variables), "LEAN_IMPORTS": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    compiled, modules = json.loads(run.stdout.splitlines()[-1])
    return compiled, modules


@pytest.fixture(scope="module")
def imported() -> tuple[int, list[str]]:
    return imported_with()


@pytest.fixture
def loaded(imported: tuple[int, list[str]]) -> list[str]:
    return imported[1]


def test_few_annotations_are_compiled(imported: tuple[int, list[str]]) -> None:
    """A named tuple compiles one: 132 at the time of writing; twice that where annotations of models are text."""
    assert imported[0] < 180


def test_no_heavy_module_is_loaded(loaded: list[str]) -> None:
    assert "alibabacloud_tea_openapi.client" in loaded
    assert [name for name in loaded if any(name == heavy or name.startswith(f"{heavy}.") for heavy in HEAVY)] == []


def test_not_many_modules_are_loaded_at_all(loaded: list[str]) -> None:
    # 330 at the time of writing; 700 without the stand-ins.
    assert len(loaded) < 400


def test_the_client_of_oss_is_loaded_where_it_is_configured_and_by_then(loaded: list[str]) -> None:
    found = set(imported_with(DEAD_LETTER_URL="oss://bucket/letters")[1]) - set(loaded)
    assert "shared.clients.oss" in found
    roots = {name.partition(".")[0] for name in found} - sys.stdlib_module_names
    assert roots == {"shared", "alibabacloud_oss_v2"}
    # 142 at the time of writing; 275 without the stand-ins.
    assert len(found) < 170


def test_only_the_sdk_holds_stand_ins() -> None:
    import shared.clients.oss  # noqa: PLC0415 - with them come the stand-ins
    import shared.clients.rpc  # noqa: PLC0415 - likewise
    import shared.idempotency.redis  # noqa: F401, PLC0415 - likewise

    holders = {
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if any(
            type(value) is import_stubs._StandIn  # noqa: SLF001 - only their type tells them
            for value in getattr(module, "__dict__", {}).values()
        )
    }
    assert holders <= {"Tea", "alibabacloud_oss_v2", "alibabacloud_tea_openapi", "darabonba", "redis"}
