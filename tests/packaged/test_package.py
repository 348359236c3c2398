"""The zip runs where it is deployed: nothing but it, the target's bare Python and the variables of the platform."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from local.interpreters import find_interpreter
from local.package import TARGETS, Target, build_package
from local.package.checkout import DIST, MARKER
from local.simulator import Simulator
from tests.s3_server import BUCKET, S3Server

ROOT = Path(__file__).parents[2]
INSTANCE = Path(__file__).with_name("instance.py")
RESOURCES = yaml.safe_load(ROOT.joinpath("s.yaml").read_text(encoding="utf-8"))["resources"]
EVENT = json.loads(ROOT.joinpath("events", "http.json").read_text(encoding="utf-8"))
REQUEST_ID = "1-64f6cd87-0f0e0d0c0b0a0908"
CREDENTIALS = {"access_key_id": "STS.local", "access_key_secret": "local-secret", "security_token": "local-token"}
# A value for every variable that s.yaml takes from elsewhere.
DEPLOYED = {"MUTE_CALL_TOKEN": "demo-token", "UNMUTE_CALL_TOKEN": "demo-unmute-token", "CCC_REGION": "cn-shanghai"}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - to be replaced
TIMEOUT_S = 120

# Building installs some thirty wheels.
pytestmark = [pytest.mark.packaged, pytest.mark.slow, pytest.mark.usefixtures("unmeasured"), pytest.mark.timeout(600)]


@dataclass
class Run:
    """What one instance of a built-in runtime did with one event."""

    home: Path
    code: Path
    stdout: str
    result: dict[str, Any]
    unchanged: bool
    simulator: Simulator


@dataclass
class Served:
    """What one instance of a custom runtime did with its hook, one request, and the end."""

    home: Path
    initialized: int
    status: int
    body: dict[str, Any]
    exit_code: int
    log: list[dict[str, Any]]
    stderr: str
    unchanged: bool
    simulator: Simulator


# A checkout of `make test-packaged` has the package of the Python that runs.
RUNNING = "python{}.{}".format(*sys.version_info)


@pytest.fixture(scope="module", params=[RUNNING] if ROOT.joinpath(MARKER).exists() else TARGETS)
def target(request: pytest.FixtureRequest) -> Target:
    target = TARGETS[request.param]
    if find_interpreter(target.python) is None:
        pytest.skip(f"no {target.runtime} here")
    return target


@pytest.fixture(scope="module")
def archive(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if ROOT.joinpath(MARKER).exists():
        # The suite runs on the unpacked one; this is the zip of it.
        return ROOT / DIST / "mute_call.zip"
    output = tmp_path_factory.mktemp("dist")
    return build_package(ROOT, "mute_call", target, output, report=lambda _: None).archive


@pytest.fixture(scope="module")
def code(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The zip, unpacked and read-only."""
    folder = tmp_path_factory.mktemp("code")
    zipfile.ZipFile(archive).extractall(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture(scope="module")
def run(target: Target, code: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    home = tmp_path_factory.mktemp("home")
    with Simulator() as simulator:
        yield instance(target, code, home, simulator, EVENT)


def instance(
    target: Target, code: Path, home: Path, simulator: Simulator, event: Mapping[str, Any], **variables: str
) -> Run:
    """Hand an event to a new instance of a built-in runtime."""
    before = snapshot(code)
    in_the_context = target.runtime == "python3.10"
    role = {} if in_the_context else {f"ALIBABA_CLOUD_{name.upper()}": value for name, value in CREDENTIALS.items()}
    given = {"event": event, "request_id": REQUEST_ID, "credentials": CREDENTIALS if in_the_context else None}
    finished = subprocess.run(  # noqa: S603 - our own script
        [python_of(target), "-I", "-S", str(INSTANCE), str(code)],
        input=json.dumps(given),
        env=environment("mute_call", code, home, simulator) | role | variables,
        cwd=code,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert finished.returncode == 0, finished.stderr
    return Run(
        home=home,
        code=code,
        stdout=finished.stdout,
        result=json.loads(finished.stderr),
        unchanged=snapshot(code) == before,
        simulator=simulator,
    )


@pytest.fixture(scope="module")
def served(target: Target, code: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    before = snapshot(code)
    with (
        Simulator() as simulator,
        subprocess.Popen(  # noqa: S603 - the command of s.yaml
            # Not `-I`: the module is found in the current folder, as on the platform.
            [python_of(target), "-E", "-s", "-S", *command()],
            env=environment("mute_call_concurrent", code, home, simulator) | {"FC_CUSTOM_LISTEN_PORT": "0"},
            cwd=code,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            words = process.stdout.readline().split()
            assert words[:2] == ["listening", "on"], process.communicate(timeout=TIMEOUT_S)[1]
            address = urlsplit(words[2]).netloc
            initialized, _ = post(address, "/initialize")
            status, body = post(address, EVENT["rawPath"], EVENT["headers"], EVENT["body"])
            process.send_signal(signal.SIGTERM)
            stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
        yield Served(
            home=home,
            initialized=initialized,
            status=status,
            body=json.loads(body),
            exit_code=process.returncode,
            log=[json.loads(line) for line in stdout.splitlines()],
            stderr=stderr,
            unchanged=snapshot(code) == before,
            simulator=simulator,
        )


def python_of(target: Target) -> str:
    found = find_interpreter(target.python)
    assert found
    return found


def command() -> list[str]:
    """What s.yaml starts on the custom runtime, behind its interpreter, but for where it listens."""
    config = RESOURCES["mute_call_concurrent"]["props"]["customRuntimeConfig"]
    words: list[str] = [*config["command"][1:], *config["args"]]
    assert EVERYWHERE in words
    return ["127.0.0.1" if word == EVERYWHERE else word for word in words]


def post(address: str, path: str, headers: Mapping[str, str] | None = None, body: str = "") -> tuple[int, bytes]:
    """Post as the platform does, with the context and the role's credentials in headers."""
    context = {
        "x-fc-request-id": REQUEST_ID,
        "x-fc-account-id": "1",
        "x-fc-region": "cn-shanghai",
        "x-fc-function-name": "mute-call",
        **{f"x-fc-{name.replace('_', '-')}": value for name, value in CREDENTIALS.items()},
    }
    with closing(http.client.HTTPConnection(address, timeout=TIMEOUT_S)) as connection:
        connection.request("POST", path, body.encode(), {**(headers or {}), **context})
        response = connection.getresponse()
        return response.status, response.read()


def environment(resource: str, code: Path, home: Path, simulator: Simulator) -> dict[str, str]:
    """The variables of the platform and of s.yaml, and the simulator in the place of CCC."""
    variables = RESOURCES[resource]["props"]["environmentVariables"]
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "FC_ACCOUNT_ID": "1",
        "FC_FUNC_CODE_PATH": str(code),
        "FC_FUNCTION_HANDLER": "index.handler",
        "FC_FUNCTION_NAME": "mute-call",
        "FC_REGION": "cn-shanghai",
        **{name: DEPLOYED[name] if "${" in value else value for name, value in variables.items()},
        "CCC_ENDPOINT": simulator.url,
    }


def snapshot(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))}


def test_the_documented_event_mutes_the_call(run: Run) -> None:
    response = run.result["response"]
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["status"] == "muted"
    assert [request["action"] for request in run.simulator.requests] == ["MuteCall"]


def test_all_that_is_logged_is_one_line_of_json(run: Run) -> None:
    (line,) = run.stdout.splitlines()
    fields = json.loads(line)
    assert (fields["event"], fields["code"], fields["cold_start"]) == ("webhook", "muted", True)


def test_it_runs_on_the_targets_python_and_nothing_that_is_installed_there(target: Target, run: Run) -> None:
    assert run.result["python"] == list(target.version)
    assert run.result["installed"] == []


def test_nothing_is_written_but_temporary_files(run: Run) -> None:
    assert run.unchanged
    assert list(run.home.iterdir()) == []
    scratch = Path(run.result["scratch"])
    for path in map(Path, run.result["written"]):
        assert scratch in path.parents
        assert not {run.code, run.home} & set(path.parents)


def test_every_module_brings_its_bytecode(run: Run) -> None:
    assert run.result["shipped"] > 100
    assert run.result["compiled_anew"] == []


def test_a_failed_request_is_kept_with_the_client_that_is_shipped(target: Target, code: Path, tmp_path: Path) -> None:
    event = {**EVENT, "body": EVENT["body"].replace("job-", "no-job-")}
    with S3Server() as bucket, Simulator() as simulator:
        failed = instance(
            target, code, tmp_path, simulator, event, DEAD_LETTER_URL=f"oss://{BUCKET}", OSS_ENDPOINT=bucket.endpoint
        )
        (letter,) = bucket.letters()
    (line,) = failed.stdout.splitlines()
    assert json.loads(line)["code"] == letter["code"] == "job_not_found"
    assert (letter["function"], letter["body"]) == ("mute-call", event["body"])
    assert failed.result["compiled_anew"] == []


def test_the_same_zip_serves_the_custom_runtime(served: Served) -> None:
    assert served.initialized == 200
    assert (served.status, served.body["status"]) == (200, "muted")
    (request,) = served.simulator.requests
    assert (request["action"], request["headers"]["x-acs-accesskey-id"]) == ("MuteCall", "STS.local")


def test_its_server_logs_as_the_handler_does_and_ends_when_it_is_told(served: Served) -> None:
    assert [(line["event"], line["code"], line["request_id"]) for line in served.log] == [
        ("webhook", "muted", REQUEST_ID)
    ]
    assert (served.exit_code, served.stderr) == (0, "")


def test_its_server_writes_neither_to_its_code_nor_to_its_home(served: Served) -> None:
    assert served.unchanged
    assert list(served.home.iterdir()) == []


def test_the_zip_holds_what_the_function_needs_and_nothing_else(archive: Path) -> None:
    names = set(zipfile.ZipFile(archive).namelist())
    assert {
        "index.py",
        "callers.toml",
        "openapi.json",
        "build.txt",
        "shared/function.py",
        "pydantic/__init__.py",
    } <= names
    authorities = {name for name in names if name.startswith("authorities/")}
    assert {Path(name).suffix for name in names - authorities} <= {
        ".py",
        ".pyc",
        ".so",
        ".toml",
        ".pem",
        ".js",
        ".json",
        ".txt",
    }
    parts = {part for name in names for part in Path(name).parts[:-1]}
    assert len(authorities) > 100
    assert not parts & {"tests", "functions", "local", "bin", "requirements"}
    assert not [part for part in parts if part.endswith(".dist-info")]
