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
before = set(sys.modules)
from types import SimpleNamespace
from functions.mute_call import index
index.initialize(SimpleNamespace(request_id="1", region="cn-shanghai"))
print(json.dumps(sorted(set(sys.modules) - before)))
"""
# Beside what the stand-ins are for: what only some requests need, and what the heavy ones brought with them.
HEAVY = {
    *(name for name in (*import_stubs.SDK, *import_stubs.REDIS, *import_stubs.OSS, *lean_imports.STANDARD_LIBRARY)),
    *("apscheduler", "tzlocal", "attr", "yarl", "multidict", "charset_normalizer", "idna", "cffi", "multiprocessing"),
    *("alibabacloud_ccc20200701", "alibabacloud_tea_util", "jmespath", "redis", "gunicorn", "urllib3"),
    *("alibabacloud_oss_v2", "shared.clients.oss"),
    *("shared.idempotency.redis", "http", "email", "xmlrpc", "unittest", "sqlite3"),
}


def loaded_with(**variables: str) -> list[str]:
    run = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-W", "ignore", "-c", INSTANCE],
        env={**os.environ, **environment(**variables), "LEAN_IMPORTS": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    modules: list[str] = json.loads(run.stdout.splitlines()[-1])
    return modules


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    return loaded_with()


def test_no_heavy_module_is_loaded(loaded: list[str]) -> None:
    assert "alibabacloud_tea_openapi.client" in loaded
    assert [name for name in loaded if any(name == heavy or name.startswith(f"{heavy}.") for heavy in HEAVY)] == []


def test_not_many_modules_are_loaded_at_all(loaded: list[str]) -> None:
    # 330 at the time of writing; 700 without the stand-ins.
    assert len(loaded) < 400


def test_the_client_of_oss_is_loaded_where_it_is_configured_and_by_then(loaded: list[str]) -> None:
    found = set(loaded_with(DEAD_LETTER_URL="oss://bucket/letters")) - set(loaded)
    assert "shared.clients.oss" in found
    roots = {name.partition(".")[0] for name in found} - sys.stdlib_module_names
    assert roots == {"shared", "alibabacloud_oss_v2"}
    # 114 at the time of writing; 275 without the stand-ins.
    assert len(found) < 140


def test_only_the_sdk_holds_stand_ins() -> None:
    import shared.clients.oss  # noqa: PLC0415 - with them come the stand-ins
    import shared.clients.rpc  # noqa: PLC0415 - likewise
    import shared.idempotency.redis  # noqa: F401, PLC0415 - likewise

    kinds = (import_stubs._StandIn, import_stubs._Module)  # noqa: SLF001 - only their types tell them
    holders = {
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if any(type(value) in kinds for value in getattr(module, "__dict__", {}).values())
    }
    assert holders <= {"Tea", "alibabacloud_oss_v2", "alibabacloud_tea_openapi", "darabonba", "redis"}
