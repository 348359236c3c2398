"""The zip runs where it is deployed: nothing but it, the target's bare Python and the variables of the platform."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.interpreters import find_interpreter
from local.package import TARGETS, Package, Target, build_package
from local.simulator import Simulator

ROOT = Path(__file__).parents[2]
INSTANCE = Path(__file__).with_name("instance.py")
CREDENTIALS = {"access_key_id": "STS.local", "access_key_secret": "local-secret", "security_token": "local-token"}
# A value for every variable that s.yaml sets.
DEPLOYED = {"MUTE_CALL_TOKEN": "demo-token", "CCC_REGION": "cn-shanghai"}

# Building installs some thirty wheels.
pytestmark = pytest.mark.timeout(600)


@dataclass
class Run:
    """What one instance did with one event."""

    home: Path
    code: Path
    stdout: str
    result: dict[str, Any]
    unchanged: bool
    simulator: Simulator


# `make check` runs the suite on each runtime's Python, and so tries each package once; another Python tries them all.
RUNNING = "python{}.{}".format(*sys.version_info)


@pytest.fixture(scope="module", params=[RUNNING] if RUNNING in TARGETS else TARGETS)
def target(request: pytest.FixtureRequest) -> Target:
    target = TARGETS[request.param]
    if find_interpreter(target.python) is None:
        pytest.skip(f"no {target.runtime} here")
    return target


@pytest.fixture(scope="module")
def package(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Package:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            # Measuring pip would take five times as long.
            patch.delenv(name, raising=False)
        return build_package(ROOT, "mute_call", target, tmp_path_factory.mktemp("dist"), report=lambda _: None)


@pytest.fixture(scope="module")
def run(target: Target, package: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    code, home = tmp_path_factory.mktemp("code"), tmp_path_factory.mktemp("home")
    zipfile.ZipFile(package.archive).extractall(code)
    for path in (code, *code.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = snapshot(code)
    with Simulator() as simulator:
        finished = subprocess.run(  # noqa: S603 - our own script
            [find_interpreter(target.python) or "", "-I", "-S", str(INSTANCE), str(code)],
            input=json.dumps(given(target)),
            env={**environment(target, code), "HOME": str(home), "CCC_ENDPOINT": simulator.endpoint},
            cwd=code,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert finished.returncode == 0, finished.stderr
        yield Run(
            home=home,
            code=code,
            stdout=finished.stdout,
            result=json.loads(finished.stderr),
            unchanged=snapshot(code) == before,
            simulator=simulator,
        )
    for path in (code, *code.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def given(target: Target) -> dict[str, Any]:
    """The documented event, and the credentials where this runtime's context has them."""
    event = json.loads(ROOT.joinpath("events", "http.json").read_text(encoding="utf-8"))
    return {"event": event, "credentials": CREDENTIALS if target.runtime == "python3.10" else None}


def environment(target: Target, code: Path) -> dict[str, str]:
    """The variables of the platform and of s.yaml, and the simulator in the place of CCC."""
    document = yaml.safe_load(ROOT.joinpath("s.yaml").read_text(encoding="utf-8"))
    of_the_platform = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "FC_ACCOUNT_ID": "1",
        "FC_FUNC_CODE_PATH": str(code),
        "FC_FUNCTION_HANDLER": "index.handler",
        "FC_FUNCTION_NAME": "mute-call",
        "FC_REGION": "cn-shanghai",
    }
    if target.runtime == "python3.12":
        of_the_platform |= {f"ALIBABA_CLOUD_{name.upper()}": value for name, value in CREDENTIALS.items()}
    deployed = {name: DEPLOYED[name] for name in document["resources"]["mute_call"]["props"]["environmentVariables"]}
    return {**of_the_platform, **deployed, "CCC_PROTOCOL": "http"}


def snapshot(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_the_documented_event_mutes_the_call(run: Run) -> None:
    response = run.result["response"]
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["status"] == "muted"
    assert [request["action"] for request in run.simulator.requests] == ["MuteCall"]


def test_all_that_is_logged_is_one_line_of_json(run: Run) -> None:
    (line,) = run.stdout.splitlines()
    fields = json.loads(line)
    assert (fields["event"], fields["code"], fields["cold_start"]) == ("webhook", "muted", True)


def test_nothing_is_written_but_temporary_files(run: Run) -> None:
    assert run.unchanged
    assert list(run.home.iterdir()) == []
    scratch = Path(tempfile.gettempdir())
    for path in map(Path, run.result["written"]):
        assert scratch in path.parents
        assert not {run.code, run.home} & set(path.parents)


def test_every_module_brings_its_bytecode(run: Run) -> None:
    assert run.result["shipped"] > 100
    assert run.result["compiled_anew"] == []


def test_the_zip_holds_what_the_function_needs_and_nothing_else(package: Package) -> None:
    names = set(zipfile.ZipFile(package.archive).namelist())
    assert {"index.py", "callers.toml", "shared/function.py", "pydantic/__init__.py", "certifi/cacert.pem"} <= names
    assert {Path(name).suffix for name in names} <= {".py", ".pyc", ".so", ".toml", ".pem", ".js"}
    parts = {part for name in names for part in Path(name).parts[:-1]}
    assert not parts & {"tests", "functions", "local", "bin", "requirements"}
    assert not [part for part in parts if part.endswith(".dist-info")]
