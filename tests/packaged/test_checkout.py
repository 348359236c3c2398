"""In the checkout of `make test-packaged` all that is shipped comes from the package, in every process."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.package.checkout import DIST, MARKER

ROOT = Path(__file__).parents[2]
FUNCTION = ROOT / "functions" / "mute_call"
ARCHIVE = ROOT / DIST / "mute_call.zip"
# The function's own, which the package has at its top.
MOVED = ("index", "callers", "openapi")

pytestmark = pytest.mark.skipif(
    not ROOT.joinpath(MARKER).is_file(), reason="make test-packaged composes a checkout for it"
)

# What imports the libraries as this project does: some of them with stand-ins, without which they are not whole.
DOORS = ("functions.mute_call.index", "shared.clients.rpc", "shared.server", "shared.idempotency.redis")
# Prints where all modules below the arguments come from.
PROGRAM = f"""
import importlib, json, sys
for name in {(*DOORS,)} + tuple(sys.argv[1:]):
    importlib.import_module(name)
files = {{name: getattr(module, "__file__", None) for name, module in sys.modules.items()}}
print(json.dumps({{name: file for name, file in files.items() if file and name.partition(".")[0] in sys.argv[1:]}}))
"""


@pytest.fixture(scope="module")
def shipped() -> dict[str, bytes]:
    """The files of the zip."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def roots(shipped: dict[str, bytes]) -> list[str]:
    """The names of what can be imported from the package's top."""
    names = {name.partition("/")[0].removesuffix(".py") for name in shipped if name.endswith(".py")}
    return sorted(names - {*MOVED})


def test_it_is_of_the_runtime_with_this_python() -> None:
    assert ROOT.joinpath(MARKER).read_text(encoding="utf-8").strip() == "python{}.{}".format(*sys.version_info)


def test_it_has_the_package_and_nothing_else_in_its_place(shipped: dict[str, bytes]) -> None:
    for name, content in shipped.items():
        folder = FUNCTION if re.fullmatch(rf"(__pycache__/)?({'|'.join(MOVED)})\.[^/]+", name) else ROOT
        assert folder.joinpath(name).read_bytes() == content
    folders = {name.partition("/")[0] for name in shipped if "/" in name} - {"__pycache__"}
    found = {
        path.relative_to(ROOT).as_posix()
        for name in folders
        for path in ROOT.joinpath(name).rglob("*")
        if path.is_file()
    }
    assert found == {name for name in shipped if name.partition("/")[0] in folders}


def test_this_process_has_it_from_there(roots: list[str]) -> None:
    assert {"shared", "pydantic", "pydantic_core", "redis", "alibabacloud_tea_openapi", "Tea"} <= set(roots)
    for name in (*DOORS, *roots):
        importlib.import_module(name)
    loaded = {name: module.__file__ for name, module in list(sys.modules.items()) if getattr(module, "__file__", None)}
    strangers = {
        name: file for name, file in loaded.items() if name.partition(".")[0] in roots and not is_shipped(name, file)
    }
    assert strangers == {}
    assert is_shipped("functions", loaded["functions"])


@pytest.mark.parametrize("where", [ROOT, None])
def test_a_process_below_it_has_it_from_there(roots: list[str], where: Path | None) -> None:
    command = [sys.executable, "-c", PROGRAM, *roots]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)  # noqa: S603 - the script above
    loaded = json.loads(done.stdout)
    assert set(roots) <= set(loaded)
    assert {name: file for name, file in loaded.items() if not is_shipped(name, file)} == {}


def is_shipped(name: str, file: str | None) -> bool:
    """Whether the module's file is at its place below the checkout; an environment may be below it as well."""
    path = Path(file or "")
    return path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0].partition(".")[0] == name.partition(".")[0]
