"""`python -m local.doctor` on a repository that is in order, and on the same one with a fault planted."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from local.doctor import case, examination
from local.doctor.__main__ import main
from local.doctor.check import Check
from local.doctor.installation import check_python
from local.doctor.log_service import completed, project_of
from local.simulator import AccessKey, Simulator
from shared.function import Function
from tests.builders import CREDENTIALS, Context312
from tests.redis_server import RedisServer
from tests.s3_server import BUCKET, S3Server
from tests.sls_server import INDEX, SlsServer
from tests.unit.shared.fakes import MUTE_CALL

ROOT = Path(__file__).parents[3]
SECRETS = {
    "MUTE_CALL_TOKEN": "canary-of-the-default-caller",
    "UNMUTE_CALL_TOKEN": "canary-of-the-counterpart",
    "CRM_SECRET": "canary-of-the-crm",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CREDENTIALS["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    "ALIBABA_CLOUD_SECURITY_TOKEN": CREDENTIALS["ALIBABA_CLOUD_SECURITY_TOKEN"],
}
KMS_VALUE = "canary-in-kms"
PROJECT = project_of("cn-shanghai", "1234567890123456")
CALLERS = """
[callers.default]
auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN", "env:MUTE_CALL_TOKEN_PREVIOUS?"] }
instances = ["ccc-test"]
[callers.crm]
auth = { scheme = "bearer", secrets = ["kms:crm", "kms:crm-before?"] }
instances = ["ccc-test"]
"""
# As pip-tools writes it; what is installed here need not be what is locked while somebody works on the lock.
LOCK = f"""\
jmespath=={version("jmespath")} \\
    --hash=sha256:00
    # via -r requirements/function.in
tomli==0.0.1 ; python_version < "3" \\
    --hash=sha256:00
"""
EXTENSION = "pydantic_core/_pydantic_core.cpython-312-x86_64-linux-gnu.so"


@dataclass
class Place:
    """A repository, a shell, and what stands for the platform."""

    root: Path
    shell: pytest.MonkeyPatch
    simulator: Simulator
    logs: SlsServer
    function: str = "mute_call"
    ahead_s: float = 0.0
    closed: str = "127.0.0.1:1"
    services: ExitStack = field(default_factory=ExitStack)

    def path(self, name: str) -> Path:
        return self.root / name

    @property
    def callers(self) -> Path:
        return self.path(f"functions/{self.function}/callers.toml")

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.path(name).read_text(encoding="utf-8")
        assert old in text
        self.path(name).write_text(text.replace(old, new), encoding="utf-8")

    def deploy(self, name: str, value: str, source: str = "env") -> None:
        """A variable of the shell that s.yaml takes, or stands for what the tool keeps (`secret`)."""
        self.shell.setenv(name, value)
        self.edit("s.yaml", "        PYDANTIC_", f"        {name}: ${{{source}('{name}')}}\n        PYDANTIC_")

    def keep(self, *names: str) -> None:
        """What the deployment tool keeps, under its home."""
        home = self.root.parent / "home"
        home.joinpath(".s").mkdir(parents=True, exist_ok=True)
        home.joinpath(".s/secrets.yaml").write_text("".join(f"{name}: canary\n" for name in names), encoding="utf-8")
        self.shell.setenv("HOME", str(home))

    def write_callers(self, text: str) -> None:
        """Another callers file, and a package of it."""
        self.callers.write_text(text, encoding="utf-8")
        self.package()

    def take(self, function: str) -> None:
        """Examine this function; the other one has the callers file that it is shipped with."""
        shutil.copyfile(ROOT / self.callers.relative_to(self.root), self.callers)
        self.function = function
        self.write_callers(CALLERS.replace("MUTE_CALL", function.upper()))

    def package(self, *, leave_out: str = "", extension: str = EXTENSION) -> None:
        with zipfile.ZipFile(self.path(f"dist/{self.function}.zip"), "w") as archive:
            for name in ("index.py", "callers.toml", "openapi.json"):
                archive.write(self.path(f"functions/{self.function}/{name}"), name)
            for path in sorted(self.path("shared").rglob("*.py")):
                if path.name != leave_out:
                    archive.write(path, path.relative_to(self.root).as_posix())
            archive.writestr(extension, b"")

    def fault(self, action: str, status: int, code: str) -> None:
        self.simulator.faults.add({"kind": "error", "http_status": status, "code": code, "action": action})


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sources")
    # One room stands for all that is packaged.
    no_bytecode = shutil.ignore_patterns("__pycache__")
    for name in ("functions", "shared/server"):
        shutil.copytree(ROOT / name, root / name, ignore=no_bytecode)
    for name in ("requirements", "dist"):
        root.joinpath(name).mkdir(parents=True)
    root.joinpath("requirements/dev.txt").write_text(LOCK, encoding="utf-8")
    shutil.copyfile(ROOT / "s.yaml", root / "s.yaml")
    return root


@pytest.fixture
def place(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with Simulator() as simulator, SlsServer(PROJECT) as logs, ExitStack() as services:
        logs.index = completed(logs.index)
        found = Place(tmp_path / "repository", monkeypatch, simulator, logs, services=services)
        shutil.copytree(sources, found.root)
        found.keep("MUTE_CALL_TOKEN", "UNMUTE_CALL_TOKEN", "CRM_SECRET")
        found.write_callers(CALLERS)
        simulator.put_secret("crm", KMS_VALUE)
        here = {
            **CREDENTIALS,
            **SECRETS,
            "CCC_ENDPOINT": simulator.url,
            "KMS_ENDPOINT": simulator.url,
            "STS_ENDPOINT": simulator.url,
            "RAM_ENDPOINT": simulator.url,
            "SLS_ENDPOINT": logs.endpoint,
        }
        for name, value in here.items():
            monkeypatch.setenv(name, value)
        yield found


def steady(text: str) -> str:
    """Without what differs from run to run: by how much the clock is off."""
    return re.sub(r"\d+ s ", "", text)


Checks = list[dict[str, Any]]
Examine = Callable[..., tuple[int, Checks]]


@pytest.fixture
def examine(place: Place, capsys: pytest.CaptureFixture[str]) -> Examine:
    """Run the doctor twice, as text and as JSON; neither may show a secret."""

    def examine(*arguments: str) -> tuple[int, Checks]:
        chosen = ["--function", place.function, "--callers", str(place.callers), *arguments]

        def now() -> float:
            return time.time() + place.ahead_s

        pending = len(place.simulator.faults)
        code = main([*chosen, "--json"], root=place.root, now=now)
        raw = capsys.readouterr().out
        told = json.loads(raw)
        assert told.keys() == {"ok", "checks"}
        assert told["ok"] is (code == 0)
        text = ""
        if not pending:
            assert main(chosen, root=place.root, now=now) == code
            text = capsys.readouterr().out
            assert [check for check in told["checks"] if steady(check["found"]) not in steady(text)] == []
        for secret in (*SECRETS.values(), KMS_VALUE, "canary"):
            assert secret not in raw + text
        return code, told["checks"]

    return examine


def test_what_is_in_order_passes_offline_without_asking_anybody(place: Place, examine: Examine) -> None:
    code, checks = examine()
    assert [check for check in checks if check["status"] not in ("ok", "skipped")] == []
    assert code == 0
    assert place.simulator.requests_total == 0
    names = [check["name"] for check in checks]
    assert list(dict.fromkeys(names)) == [
        *("python", "requirements", "callers", "variables", "secrets", "s.yaml", "package", "live"),
    ]
    assert checks[-1] == {
        "name": "live",
        "status": "skipped",
        "found": "not checked; use --live",
        "remedy": None,
    }


@pytest.mark.parametrize("function", ["mute_call", "unmute_call"])
def test_what_is_in_order_passes_live(place: Place, examine: Examine, tmp_path: Path, function: str) -> None:
    place.take(function)
    redis = place.services.enter_context(RedisServer(tmp_path))
    bucket = place.services.enter_context(S3Server())
    place.deploy("IDEMPOTENCY_URL", redis.url, "secret")
    place.keep("MUTE_CALL_TOKEN", "UNMUTE_CALL_TOKEN", "IDEMPOTENCY_URL")
    place.shell.setenv("OSS_ENDPOINT", bucket.endpoint)
    place.deploy("DEAD_LETTER_URL", f"oss://{BUCKET}/letters")

    code, checks = examine("--live")

    # The simulator's credentials are those of the first one's role, which may not do what the other one does.
    unwell = [check["name"] for check in checks if check["status"] not in ("ok", "skipped")]
    assert unwell == ([] if function == "mute_call" else ["identity"])
    assert code == 0
    found = {check["name"]: check["found"] for check in checks}
    assert found["identity"].startswith("acs:sts::1234567890123456:assumed-role/mute-call-function/session")
    assert "NotExists.JobId for a call that does not exist" in found["ccc"]
    assert "a claim" in found["idempotency"]
    assert found["log index"] == f"{PROJECT}/default-logs has the fields that the alarms need"
    assert bucket.keys() == ["letters/doctor.json"]


@pytest.mark.parametrize("function", ["mute_call", "unmute_call"])
def test_nobody_can_be_muted_by_it(place: Place, examine: Examine, function: str) -> None:
    place.take(function)
    examine("--live")
    action = {"mute_call": "MuteCall", "unmute_call": "UnmuteCall"}[function]
    asked = [each["parameters"] for each in place.simulator.requests if each["action"] == action]
    agents = {agent["user_id"] for agent in place.simulator.snapshot()["agents"]}
    assert len({each["JobId"] for each in asked}) == len(asked) == 2
    assert all(each["JobId"].startswith("doctor-") and each["UserId"] not in agents for each in asked)
    channels = place.simulator.snapshot()["calls"][0]["channels"]
    assert [channel["flags"] for channel in channels] == [[], []]


@dataclass(frozen=True)
class Fault:
    """What is planted, and the check that has to find it."""

    plant: Callable[[Place], object]
    name: str
    found: str
    remedy: str
    status: str = "failed"
    live: bool = False


def _bad_zip(place: Place) -> None:
    place.path("dist/mute_call.zip").write_bytes(b"PK")


def _other_sources(place: Place) -> None:
    place.path("shared/new.py").write_text("")


def _removed_source(place: Place) -> None:
    place.path("shared/server/wsgi.py").unlink()


def _counterpart(place: Place) -> None:
    place.take("unmute_call")
    place.fault("UnmuteCall", 403, "Forbidden.RAM")


def _counterparts_secret(reference: str) -> Callable[[Place], object]:
    return _edit("functions/unmute_call/callers.toml", '"env:UNMUTE_CALL_TOKEN"', f'"{reference}"')


def _clock(seconds: float) -> Callable[[Place], object]:
    return lambda place: setattr(place, "ahead_s", seconds)


def _set(name: str, value: str) -> Callable[[Place], object]:
    return lambda place: place.shell.setenv(name, value)


def _deploy(name: str, value: str) -> Callable[[Place], object]:
    return lambda place: place.deploy(name, value)


def _from_the_shell(name: str) -> Callable[[Place], object]:
    """As `s.yaml` was before the tool kept secrets."""
    return _edit("s.yaml", f" ${{secret('{name}')}}", f" ${{env('{name}')}}")


NO_LINKED_ROLE = {"kind": "error", "http_status": 404, "code": "EntityNotExist.Role", "action": "GetRole"}


def _policy(*actions: str, document: str | None = None) -> Callable[[Place], object]:
    """Without a service-linked role, and with this policy of the function's."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    text = json.dumps({"Version": "1", "Statement": [statement]}) if document is None else document
    body = json.dumps({"DefaultPolicyVersion": {"PolicyDocument": text}})
    raw = {"kind": "raw", "http_status": 200, "content_type": "application/json", "body": body, "action": "GetPolicy"}
    return _both(
        lambda place: place.simulator.faults.add(NO_LINKED_ROLE), lambda place: place.simulator.faults.add(raw)
    )


def _point_at_nothing(name: str, prefix: str = "http://") -> Callable[[Place], object]:
    return lambda place: place.shell.setenv(name, f"{prefix}{place.closed}")


def _edit(name: str, old: str, new: str) -> Callable[[Place], object]:
    return lambda place: place.edit(name, old, new)


def _gateway(action: str, status: int, code: str) -> Callable[[Place], object]:
    return lambda place: place.fault(action, status, code)


def _logs(**state: object) -> Callable[[Place], object]:
    return lambda place: vars(place.logs).update(state)


def _both(*plants: Callable[[Place], object]) -> Callable[[Place], object]:
    return lambda place: [plant(place) for plant in plants]


LOG = "log: auto|logBeginRule=None"
CYCLE = "  log: a-${vars.twice}\n  twice: ${vars.log}\n"
SCHEME = CALLERS.replace('"bearer"', '"beaver"', 1).replace('instances = ["ccc-test"]', "", 1)
BASIC = CALLERS.replace('"bearer"', '"basic"', 1)
HANDSHAKE = CALLERS.replace(
    "[callers.crm]",
    "handshakes = [{ when = 'path', auth = { scheme = 'basic', secrets = ['env:MUTE_CALL_TOKEN'] } }]\n[callers.crm]",
)
WITH_CRM = CALLERS + '[callers.other]\nauth = { scheme = "bearer", secrets = ["env:CRM_SECRET"] }\ninstances = ["a"]\n'
HTML = {"kind": "raw", "http_status": 200, "content_type": "text/html", "body": "<h1>", "action": "MuteCall"}
NO_KMS_LINE = '[callers.crm]\nauth = { scheme = "standard-webhooks", secrets = ["kms:crm"] }\ninstances = ["*"]\n'

OFFLINE = [
    Fault(lambda place: place.callers.unlink(), "callers", "No such file", "docs/contract.md"),
    Fault(lambda place: place.write_callers("callers ="), "callers", "callers file: ", "callers.toml"),
    Fault(lambda place: place.write_callers(SCHEME), "callers", "callers.default.auth: Unknown scheme", "callers.toml"),
    Fault(_deploy("DEADLINE_MS", "soon"), "variables", "DEADLINE_MS: ", "in this shell"),
    Fault(_edit("s.yaml", "ccc_region: cn-shanghai", "ccc_region: 上海"), "variables", "CCC_REGION: ", "in s.yaml"),
    Fault(
        _edit("s.yaml", "  region: cn-shanghai", "  region: cn-"), "variables", "region: ", "correct region in s.yaml"
    ),
    Fault(_deploy("IDEMPOTENCY_URL", "http://canary"), "variables", "%23", "in this shell"),
    Fault(
        _both(_deploy("IDEMPOTENCY_TTL_SECONDS", "599"), lambda place: place.write_callers(NO_KMS_LINE)),
        *("variables", "callers.crm: IDEMPOTENCY_TTL_SECONDS is 599, less than twice", "docs/contract.md"),
    ),
    Fault(
        _set("CCC_REGION", "cn-beijing"),
        *("variables", "CCC_REGION is different in s.yaml", "CCC_REGION: ${env('CCC_REGION')}"),
        "warning",
    ),
    Fault(_set("CCC_ENDPOINT", "ccc.example"), "variables", "CCC_ENDPOINT is set in", "CCC_ENDPOINT: ", "warning"),
    Fault(
        _set("MUTE_CALL_TOKEN_PREVIOUS", "canary-of-before"),
        *(
            "secrets",
            "MUTE_CALL_TOKEN_PREVIOUS is set in this shell and not in s.yaml",
            "MUTE_CALL_TOKEN_PREVIOUS: ${secret(",
        ),
        "warning",
    ),
    Fault(
        _both(_set("MUTE_CALL_TOKEN", ""), lambda place: place.keep("UNMUTE_CALL_TOKEN")),
        *("secrets", "env:MUTE_CALL_TOKEN of the caller default is unset", '--value "$MUTE_CALL_TOKEN" -f; docs/'),
    ),
    Fault(
        _both(_from_the_shell("MUTE_CALL_TOKEN"), _set("MUTE_CALL_TOKEN", "")),
        *("secrets", "env:MUTE_CALL_TOKEN of the caller default is unset", "export MUTE_CALL_TOKEN=…"),
    ),
    Fault(
        lambda place: place.keep("UNMUTE_CALL_TOKEN"),
        *(
            "s.yaml",
            "MUTE_CALL_TOKEN: not in `s secret` on this machine",
            's secret add --key MUTE_CALL_TOKEN --value "$M',
        ),
        "warning",
    ),
    Fault(
        _set("serverless_devs_config_home", "/nowhere"),
        *(
            "s.yaml",
            "MUTE_CALL_TOKEN, UNMUTE_CALL_TOKEN: not in `s secret`",
            "-f; s secret add --key UNMUTE_CALL_TOKEN",
        ),
        "warning",
    ),
    Fault(
        _both(_set("UNMUTE_CALL_TOKEN", ""), lambda place: place.keep("MUTE_CALL_TOKEN")),
        *(
            "s.yaml",
            "secret('UNMUTE_CALL_TOKEN') is neither in `s secret` nor in",
            "export UNMUTE_CALL_TOKEN=…; s secret",
        ),
    ),
    Fault(
        _from_the_shell("MUTE_CALL_TOKEN"),
        *(
            "s.yaml",
            "MUTE_CALL_TOKEN: the tool prints its value",
            "MUTE_CALL_TOKEN: ${secret('MUTE_CALL_TOKEN')}, and s",
        ),
        "warning",
    ),
    Fault(
        _deploy("IDEMPOTENCY_URL", "redis://redis"),
        *("s.yaml", "IDEMPOTENCY_URL: the tool prints its value", "IDEMPOTENCY_URL: ${secret('IDEMPOTENCY_URL')}"),
        "warning",
    ),
    Fault(_edit("s.yaml", LOG, "log: auto"), "s.yaml", "lines merge", "logConfig: auto|logBeginRule=None", "warning"),
    Fault(
        _edit("s.yaml", LOG, "log: {project: p, logstore: l}"), "s.yaml", "lines merge", "logBeginRule: None", "warning"
    ),
    Fault(_edit("s.yaml", LOG, f"{LOG}x"), "s.yaml", "$.logConfig: does not meet anyOf", "schema"),
    Fault(
        _both(_set("CCC_ENDPOINT", ""), _set("KMS_ENDPOINT", "")),
        *("callers", "default, crm: ccc-test", "use the id of your instance"),
        "warning",
    ),
    Fault(_edit("s.yaml", "${vars.ccc_region}", "${env(WHERE)}"), "s.yaml", "env('WHERE') is unset", "export WHERE"),
    Fault(
        _edit("s.yaml", "${vars.ccc_region}", "a-${vars.ccc_regoin}"),
        *("s.yaml", "${vars.ccc_regoin} names nothing, so no s command runs", "correct the name"),
    ),
    Fault(
        _edit("s.yaml", "${vars.ccc_region}", '${ env("WHERE", "") }'),
        "s.yaml",
        "env('WHERE') is unset",
        "export WHERE",
    ),
    Fault(
        lambda place: place.write_callers(BASIC),
        "secrets",
        "env:MUTE_CALL_TOKEN of the caller default ",
        'basic; docs/contract.md, "Schemes"',
    ),
    # A secret of a handshake is judged by the handshake's own scheme.
    Fault(
        lambda place: place.write_callers(HANDSHAKE),
        *("secrets", "env:MUTE_CALL_TOKEN of the caller default is not user", "scheme basic; docs/contract.md"),
    ),
    Fault(
        _counterparts_secret("env:MUTE_CALL_TOKEN"),
        *("secrets", "env:MUTE_CALL_TOKEN is a secret of both mute_call and unmute_call", "another secret"),
        "warning",
    ),
    Fault(
        _counterparts_secret("kms:crm"),
        *("secrets", "kms:crm is a secret of both mute_call and unmute_call", "another secret"),
        "warning",
    ),
    Fault(
        _set("UNMUTE_CALL_TOKEN", SECRETS["MUTE_CALL_TOKEN"]),
        *("secrets", "env:MUTE_CALL_TOKEN of mute_call and env:UNMUTE_CALL_TOKEN of unmute_call", "another secret"),
        "warning",
    ),
    Fault(
        _both(_from_the_shell("UNMUTE_CALL_TOKEN"), _set("UNMUTE_CALL_TOKEN", "")),
        *("s.yaml", "env('UNMUTE_CALL_TOKEN') is unset", "export UNMUTE_CALL_TOKEN"),
    ),
    Fault(lambda place: place.path("s.yaml").unlink(), "s.yaml", "No such file", "s.yaml"),
    Fault(_edit("s.yaml", "edition: 3.0.0", "edition: [canary"), "s.yaml", "no YAML at line", "s.yaml"),
    Fault(_edit("s.yaml", f"  {LOG}\n", CYCLE), "s.yaml", "vars.log refers to itself", "s.yaml"),
    Fault(
        _edit("s.yaml", "      logConfig: ${vars.log}", "      logConfig: &log [*log]"),
        *("s.yaml", "an alias that refers to itself", "s.yaml"),
    ),
    Fault(_edit("s.yaml", "      handler: index.handler\n", ""), "s.yaml", "$: handler is missing", "schema"),
    Fault(_edit("s.yaml", "dist/mute_call.zip", "dist/x.zip"), "s.yaml", "no resource has the code", "s.yaml"),
    Fault(_edit("s.yaml", "memorySize: 256", "memorySize: 200"), "s.yaml", "$.memorySize: multipleOf 64", "schema"),
    Fault(
        _edit("s.yaml", "PYDANTIC_DISABLE_PLUGINS: __all__", "PYDANTIC_DISABLE_PLUGINS: [canary]"),
        *("s.yaml", "$.environmentVariables.PYDANTIC_DISABLE_PLUGINS: type", "schema"),
    ),
    Fault(lambda place: place.write_callers(WITH_CRM), "s.yaml", "CRM_SECRET is missing", "CRM_SECRET: ${secret('C"),
    Fault(_edit("s.yaml", "role: mute-call-function", "role: Mute-Call"), "s.yaml", "role: Mute-Call", "lower case"),
    Fault(_edit("s.yaml", "timeout: 10\n", "timeout: 4\n"), "s.yaml", "timeout: 4 s", "longer than the deadline"),
    Fault(_deploy("DEADLINE_MS", "10000"), "s.yaml", "DEADLINE_MS (10000)", "a shorter DEADLINE_MS"),
    Fault(
        _edit("s.yaml", "memorySize: 256", "memorySize: 2048"), "s.yaml", "2048 MB for 0.25 cores", "from 256 to 1024"
    ),
    Fault(_edit("s.yaml", "        CCC_REGION:", "        FC_REGION:"), "s.yaml", "FC_REGION is", "take FC_REGION"),
    Fault(
        lambda place: place.path("dist/mute_call.zip").unlink(), "package", "not built", "make package FU", "warning"
    ),
    Fault(_bad_zip, "package", "cannot be read", "make package FUNCTION=mute_call RUNTIME=python3.12"),
    Fault(_edit("functions/mute_call/index.py", "FUNCTION", "FUN"), "package", "index.py differs", "make package"),
    Fault(
        lambda place: place.path("functions/mute_call/index.py").unlink(),
        *("package", "index.py is no longer in the sources", "make package"),
    ),
    Fault(_other_sources, "package", "shared/new.py is missing", "make package"),
    Fault(_removed_source, "package", "shared/server/wsgi.py is no longer", "make package"),
    Fault(
        lambda place: place.package(extension=EXTENSION.replace("312", "310")),
        *("package", "its extensions are for Python 3.10, not for python3.12", "RUNTIME=python3.12"),
    ),
    Fault(_set("RUNTIME", "python3.10"), "package", "for Python 3.12, not for python3.10", "RUNTIME=python3.10"),
    Fault(
        _edit("requirements/dev.txt", "jmespath==", "jmespath==99."), "requirements", "locked is 99.", "make install"
    ),
    Fault(
        _edit("requirements/dev.txt", "jmespath==", "j-mes-path=="), "requirements", "is not installed", "make install"
    ),
    Fault(lambda place: place.path("requirements/dev.txt").unlink(), "requirements", "No such file", "restore"),
]
LIVE = [
    Fault(_logs(index=INDEX), "log index", "message, max_text_len not indexed: no alarm", "python -m local.watching"),
    Fault(_logs(index=None), "log index", "functionName, message, max_text_len not", "python -m local.watching"),
    Fault(_logs(refusal=(403, "Unauthorized")), "log index", "Unauthorized, HTTP 403", "log:GetIndex", "warning"),
    Fault(_logs(refusal=(500, "InternalServerError")), "log index", "HTTP 500", "s.yaml; then", "warning"),
    Fault(_point_at_nothing("SLS_ENDPOINT"), "log index", "does not answer", "logConfig in s.yaml", "warning"),
    Fault(_edit("s.yaml", "log: auto", "log: none"), "log index", "names no project", "logConfig in s.yaml", "warning"),
    Fault(
        lambda place: place.shell.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
        "credentials",
        "not set in this shell",
        "export",
    ),
    Fault(_set("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.x"), "identity", "InvalidAccessKeyId.NotFound", "export ALIBABA"),
    Fault(_set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary"), "identity", "SignatureDoesNotMatch", "export ALIBABA"),
    Fault(_set("ALIBABA_CLOUD_SECURITY_TOKEN", ""), "identity", "MissingSecurityToken", "export ALIBABA"),
    Fault(_gateway("GetCallerIdentity", 400, "InvalidSecurityToken.Expired"), "identity", "Expired", "export ALIBABA"),
    Fault(_gateway("GetCallerIdentity", 400, "InvalidTimeStamp.Expired"), "identity", "InvalidTimeStamp", "clock"),
    Fault(_gateway("GetCallerIdentity", 503, "ServiceUnavailable"), "identity", "ServiceUnavailable", "try again"),
    Fault(
        _policy("ccc:MuteCall"), "rights", "mute-call-function may not log:PostLogStoreLogs", "2. The function's role"
    ),
    Fault(_policy(document="{"), "rights", "may not log:PostLogStoreLogs", "2. The function's role"),
    Fault(
        _both(
            _policy("log:Post*", "vpc:*"),
            _edit("s.yaml", "      logConfig:", "      vpcConfig: auto\n      logConfig:"),
        ),
        *("rights", "may not ecs:CreateNetworkInterface, ecs:Delete", "2. The function's role"),
    ),
    Fault(
        _both(
            lambda place: place.simulator.faults.add(NO_LINKED_ROLE),
            _edit("s.yaml", "role: mute-call-function", "role: x"),
        ),
        *("rights", "there is no role x", "2. The function's role"),
    ),
    Fault(_set("RAM_ENDPOINT", "http://ram.example"), "rights", "RAM_ENDPOINT is no host", "correct RAM_ENDPOINT"),
    Fault(_point_at_nothing("STS_ENDPOINT"), "identity", "STS does not answer", "STS_ENDPOINT"),
    Fault(_set("STS_ENDPOINT", "http://sts.example"), "identity", "STS_ENDPOINT is no host", "correct STS_ENDPOINT"),
    Fault(
        _edit("s.yaml", "role: mute-call-function", "role: x"), "identity", "not the function's role", "5.", "warning"
    ),
    Fault(_clock(120), "clock", "s ahead of CCC's", "set the clock", "warning"),
    Fault(_clock(-1000), "clock", "s behind CCC's", "15 minutes"),
    Fault(_point_at_nothing("CCC_ENDPOINT", ""), "clock", "does not answer", "CCC below", "warning"),
    Fault(_point_at_nothing("CCC_ENDPOINT", ""), "ccc", "nothing was sent", "CCC_REGION, CCC_ENDPOINT"),
    Fault(
        lambda place: place.write_callers(CALLERS.replace("ccc-test", "mine")), "ccc", "NotExists.InstanceId", "mine"
    ),
    Fault(_gateway("MuteCall", 403, "NoPermission"), "ccc", "NoPermission", 'ccc:MuteCall: docs/deploy.md, "2. The fu'),
    Fault(_gateway("MuteCall", 403, "AbnormalService.Ceased"), "ccc", "AbnormalService.Ceased", "CCC's console"),
    Fault(_counterpart, "ccc", "Forbidden.RAM", 'ccc:UnmuteCall: docs/deploy.md, "The counterpart"'),
    Fault(_gateway("MuteCall", 400, "Throttling.User"), "ccc", "Throttling.User", "try again", "warning"),
    Fault(_gateway("MuteCall", 200, "OK"), "ccc", "was accepted", "CCC_ENDPOINT"),
    Fault(lambda place: place.simulator.faults.add(HTML), "ccc", "unreadable answer", "docs/runbook.md"),
    Fault(
        lambda place: place.simulator.reset(), "secrets", "kms:crm of the caller crm is not there", "aliyun kms Create"
    ),
    Fault(
        lambda place: place.write_callers(NO_KMS_LINE),
        "secrets",
        "kms:crm of the caller crm: its current version ",
        'docs/contract.md, "Schemes"',
    ),
    Fault(_gateway("GetSecretValue", 403, "Forbidden.NoPermission"), "secrets", "Forbidden.NoP", "kms:GetSecretValue"),
    Fault(_point_at_nothing("KMS_ENDPOINT"), "secrets", "KMS does not answer", "KMS_REGION, KMS_ENDPOINT"),
    Fault(
        lambda place: place.simulator.put_secret("crm", "canary\n"),
        *("secrets", "kms:crm of the caller crm: its current version has white space", "a version of crm"),
    ),
    Fault(
        lambda place: place.deploy("IDEMPOTENCY_URL", f"redis://:canary@{place.closed}"),
        "idempotency",
        "redis://127.0.0.1",
        "IDEMPOTENCY_URL",
    ),
    Fault(
        _both(_deploy("DEAD_LETTER_URL", "oss://bucket/letters"), _point_at_nothing("OSS_ENDPOINT")),
        *("dead letters", "oss://bucket/letters: nothing was sent", "DEAD_LETTER_URL, OSS_REGION"),
    ),
]


@pytest.mark.parametrize("fault", OFFLINE, ids=lambda fault: f"{fault.name}: {fault.found}")
def test_a_planted_fault_is_found_with_its_remedy(place: Place, examine: Examine, fault: Fault) -> None:
    fault.plant(place)
    code, checks = examine()
    assert_found(fault, code, checks)
    assert place.simulator.requests_total == 0


@pytest.mark.parametrize("fault", LIVE, ids=lambda fault: f"{fault.name}: {fault.found}")
def test_a_planted_fault_is_found_by_asking(place: Place, examine: Examine, fault: Fault) -> None:
    fault.plant(place)
    code, checks = examine("--live")
    assert_found(fault, code, checks)


def assert_found(fault: Fault, code: int, checks: Checks) -> None:
    matching = [check for check in checks if check["name"] == fault.name and fault.found in check["found"]]
    assert matching, checks
    assert {check["status"] for check in matching} == {fault.status}
    assert all(fault.remedy in check["remedy"] for check in matching), matching
    assert code == any(check["status"] == "failed" for check in checks)
    assert all((check["remedy"] is not None) is (check["status"] in ("failed", "warning")) for check in checks)


@pytest.mark.parametrize("code", ["FileAlreadyExists", "AccessDenied"])
def test_a_bucket_is_asked_in_a_way_that_leaves_one_object(place: Place, examine: Examine, code: str) -> None:
    """OSS refuses to write over an object, and moto does not."""

    class Oss(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(409 if code == "FileAlreadyExists" else 403)
            body = f"<Error><Code>{code}</Code><Message>canary</Message><RequestId>1</RequestId></Error>".encode()
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Oss) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        place.shell.setenv("OSS_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        place.deploy("DEAD_LETTER_URL", "oss://bucket")
        exit_code, checks = examine("--live")
        server.shutdown()

    (letters,) = (check for check in checks if check["name"] == "dead letters")
    if code == "FileAlreadyExists":
        assert (exit_code, letters["status"]) == (0, "ok")
    else:
        assert (exit_code, letters["status"]) == (1, "failed")
        assert "oss:PutObject" in letters["remedy"]


def test_what_only_the_shell_has_is_not_deployed_and_does_not_count(place: Place, examine: Examine) -> None:
    undeployed_variables = {
        "CALLERS_FILE": "elsewhere.toml",
        "DEADLINE_MS": "600000",
        "IDEMPOTENCY_URL": f"redis://:canary@{place.closed}",
        "KMS_REGION": "?",
        "DEAD_LETTER_URL": "oss://bucket",
    }
    for name, value in undeployed_variables.items():
        place.shell.setenv(name, value)

    code, checks = examine("--live")

    assert code == 0, checks
    told = [(check["found"], check["remedy"]) for check in checks if check["status"] == "warning"]
    assert told == [
        (
            f"{name} is set in this shell and not in s.yaml: it is not deployed",
            f"below environmentVariables, {name}: ${{{'secret' if name == 'IDEMPOTENCY_URL' else 'env'}('{name}')}}",
        )
        for name in undeployed_variables
    ]
    found = {check["name"]: check["found"] for check in checks if check["status"] == "ok"}
    assert "deadline 4500 ms" in found["variables"]
    assert found["idempotency"].startswith("memory://")
    assert "dead letters" not in found


@pytest.mark.parametrize(
    "url", ["${secret('IDEMPOTENCY_URL')}", "redis://:${secret('PASSWORD')}@r", '${secret( "IDEMPOTENCY_URL" )}']
)
def test_what_only_the_tool_keeps_is_told_and_not_guessed(place: Place, examine: Examine, url: str) -> None:
    place.keep("MUTE_CALL_TOKEN", "UNMUTE_CALL_TOKEN", "IDEMPOTENCY_URL", "PASSWORD")
    place.edit("s.yaml", "        PYDANTIC_", f"        IDEMPOTENCY_URL: {url}\n        PYDANTIC_")
    for name in ("MUTE_CALL_TOKEN", "UNMUTE_CALL_TOKEN"):
        place.shell.delenv(name)

    code, checks = examine("--live")

    assert code == 0, checks
    unseen = "deployed as `s secret` has it, which cannot be seen from here"
    skipped = [(check["name"], check["found"]) for check in checks if check["status"] == "skipped"]
    assert [each for each in skipped if "KMS" not in each[1]] == [
        ("variables", f"IDEMPOTENCY_URL: {unseen}"),
        ("secrets", f"env:MUTE_CALL_TOKEN of the caller default: {unseen}"),
        ("idempotency", f"IDEMPOTENCY_URL: {unseen}"),
    ]


@pytest.mark.parametrize(
    ("plant", "status", "found"),
    [
        (lambda _: None, "ok", "AliyunServiceRoleForFC exists"),
        (_policy("LOG:*"), "ok", "mute-call-function has the rights"),
        (_gateway("GetRole", 403, "NoPermission"), "skipped", "RAM answered NoPermission"),
        (_point_at_nothing("RAM_ENDPOINT"), "skipped", "RAM does not answer"),
        (_set("RAM_ENDPOINT", ""), "skipped", "a trial on this machine"),
    ],
)
def test_who_writes_the_log_is_told_where_it_can_be_seen(
    place: Place, examine: Examine, plant: Callable[[Place], object], status: str, found: str
) -> None:
    plant(place)
    code, checks = examine("--live")
    (told,) = (check for check in checks if check["name"] == "rights")
    assert (code, told["status"]) == (0, status)
    assert found in told["found"]


def test_one_name_for_two_secrets_is_none_that_both_have(place: Place, examine: Examine) -> None:
    place.edit("functions/unmute_call/callers.toml", "UNMUTE_CALL_TOKEN", "MUTE_CALL_TOKEN")
    place.edit("s.yaml", "        UNMUTE_CALL_TOKEN:", "        MUTE_CALL_TOKEN:")
    _, checks = examine()
    assert [check["found"] for check in checks if check["status"] == "warning"] == []


@pytest.mark.parametrize("text", [None, "callers =", "[callers.default]"])
def test_another_function_without_readable_callers_is_not_compared(
    place: Place, examine: Examine, text: str | None
) -> None:
    other = place.path("functions/unmute_call/callers.toml")
    other.write_text(text) if text else other.unlink()
    code, checks = examine()
    compared = [check["status"] for check in checks if "compared" in check["found"]]
    assert (code, compared) == (0, ["skipped"] if text else [])


def test_a_trial_on_this_machine_is_told_as_one(examine: Examine) -> None:
    _, checks = examine()
    (variables,) = (check["found"] for check in checks if check["name"] == "variables")
    assert variables.endswith(" ms; of this shell, for a trial: CCC_ENDPOINT, KMS_ENDPOINT")


@pytest.mark.parametrize(("before", "count"), [("canary-of-before", 2), ("canary\n", 1)])
def test_a_secret_has_as_many_versions_as_are_usable(place: Place, examine: Examine, before: str, count: int) -> None:
    for value in (before, KMS_VALUE):
        place.simulator.put_secret("crm", value)
    _, checks = examine("--live")
    assert f"kms:crm of the caller crm can be read, usable versions: {count}" in [check["found"] for check in checks]


@pytest.mark.parametrize(
    ("old", "new", "name", "found"),
    [
        ("role: mute-call-function", "role: A", "s.yaml", "mute_call, mute_call_concurrent: role: A is no name"),
        ("internetAccess: true", "internetAccess: 1", "s.yaml", "mute_call, mute_call_concurrent: $.internetAccess: "),
        ("  region: cn-shanghai", "  region: [canary]", "s.yaml", 'mute_call, mute_call_concurrent: $.region: type "'),
        ("      region: ${vars.region}\n", "", "s.yaml", "mute_call, mute_call_concurrent: $: region is missing"),
        ("  region: cn-shanghai", "  region: cn-", "variables", "region: Region should be"),
    ],
)
def test_a_fault_is_told_once(place: Place, examine: Examine, old: str, new: str, name: str, found: str) -> None:
    place.edit("s.yaml", old, new)
    _, checks = examine()
    (told,) = (check["found"] for check in checks if (check["name"], check["status"]) == (name, "failed"))
    assert told.startswith(found)


@pytest.mark.parametrize("value", ["canary\n", "can ary", "canary-ü"])
def test_nobody_is_asked_with_credentials_that_are_garbled(place: Place, examine: Examine, value: str) -> None:
    place.shell.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", value)
    code, checks = examine("--live")
    assert (code, checks[-1]["name"]) == (1, "credentials")
    assert checks[-1]["found"].startswith("ALIBABA_CLOUD_ACCESS_KEY_SECRET: a line break")
    assert place.simulator.requests_total == 0


def test_credentials_that_are_refused_are_not_tried_elsewhere(place: Place, examine: Examine) -> None:
    place.shell.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.other")
    _, checks = examine("--live")
    assert {each["action"] for each in place.simulator.requests} == {"", "GetCallerIdentity"}
    assert checks[-1]["found"] == "not checked, because the credentials are refused"


def test_nobody_is_asked_while_the_variables_are_wrong(place: Place, examine: Examine) -> None:
    place.edit("s.yaml", "ccc_region: cn-shanghai", "ccc_region: '?'")
    _, checks = examine("--live")
    assert place.simulator.requests_total == 0
    assert checks[-1]["found"] == "the variables have errors"


def test_a_callers_file_without_an_instance_leaves_ccc_unasked(place: Place, examine: Examine) -> None:
    place.write_callers(CALLERS.replace("ccc-test", "*"))
    code, checks = examine("--live")
    assert code == 0
    assert ("ccc", "skipped") in [(check["name"], check["status"]) for check in checks]


def test_a_logstore_that_is_not_there_yet_is_passed_over(place: Place, examine: Examine) -> None:
    place.logs.logstore = "another"
    code, checks = examine("--live")
    found = "GET /logstores/default-logs/index: LogStoreNotExist, HTTP 404: is the function deployed yet?"
    assert (code, checks[-1]["status"], checks[-1]["found"]) == (0, "skipped", found)


def test_a_long_term_key_needs_no_token(place: Place, examine: Examine) -> None:
    with Simulator(access_key=AccessKey("LTAI", "canary-key", "")) as account:
        account.put_secret("crm", KMS_VALUE)
        place.shell.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI")
        place.shell.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary-key")
        place.shell.delenv("ALIBABA_CLOUD_SECURITY_TOKEN")
        place.shell.setenv("CCC_ENDPOINT", account.url)
        for name in ("KMS_ENDPOINT", "STS_ENDPOINT"):
            place.shell.setenv(name, account.url)
        assert examine("--live")[0] == 0


def test_a_defect_of_the_doctor_is_told_and_the_rest_goes_on(place: Place, examine: Examine) -> None:
    def check_itself(examined: object) -> Iterator[Check]:
        yield from ()
        raise LookupError(f"canary of {examined}")

    place.shell.setattr(examination, "HERE", (examination.Examination("", check_itself, ""), *examination.HERE))
    code, checks = examine()
    assert code == 1
    assert [check["found"] for check in checks if check["status"] == "failed"] == [
        "the doctor itself failed: LookupError"
    ]
    assert checks[-1]["name"] == "live"


def test_a_defect_before_anybody_is_asked_is_told_as_well(place: Place, examine: Examine) -> None:
    def read_settings(*_: object, **__: object) -> None:
        raise LookupError("canary")

    place.shell.setattr(case, "read_settings", read_settings)
    code, checks = examine("--live")
    assert (code, checks[-1]["name"], checks[-1]["found"]) == (1, "live", "the doctor itself failed: LookupError")


def test_what_is_not_installed_is_told_first() -> None:
    """Without the libraries of its environment, as for somebody who has forgotten `make install`."""
    command = [sys.executable, "-S", "-m", "local.doctor"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own command
    assert (done.returncode, done.stderr) == (1, "")
    assert "✗ requirements  packaging is not installed\n" in done.stdout
    assert "nothing else is checked\n                → make install" in done.stdout


def test_an_old_python_is_told() -> None:
    (check,) = check_python((3, 9))
    assert (check.status.value, check.found) == ("failed", "3.9 is older than 3.10")
    assert check.remedy is not None
    assert "Python 3.10 or later" in check.remedy


def test_every_section_that_a_remedy_names_is_there() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("local/doctor/*.py")).replace("\\'", "'")
    named = set(re.findall(r'(README\.md|docs/\w+\.md), "([^"]+)"', sources))
    assert len(named) >= 9
    for document, title in named:
        assert f"## {title}\n" in ROOT.joinpath(document).read_text(encoding="utf-8"), (document, title)


# Slips: what an instance says at its start, and the doctor before that, in the same words.

ALONE = CALLERS.partition("[callers.crm]")[0]
NUMBER = "Value should be a whole number from"
HOST = "Endpoint should be host[:port] alone, without https:// and without a path"
STOPPING: dict[str, tuple[dict[str, str], str, str]] = {
    "a deadline for nothing": ({"DEADLINE_MS": "5"}, "", f"DEADLINE_MS: {NUMBER} 500 to 600000"),
    "no level": ({"LOG_LEVEL": "canary"}, "", "LOG_LEVEL: Value should be DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    "no protocol": ({"CCC_PROTOCOL": "canary"}, "", "CCC_PROTOCOL: Value should be https or http"),
    "no region": ({"KMS_REGION": "Canary"}, "", "KMS_REGION: Region should be the id of one, such as cn-shanghai"),
    "a URL of CCC": ({"CCC_ENDPOINT": "https://ccc.cn-shanghai.aliyuncs.com/"}, "", f"CCC_ENDPOINT: {HOST}"),
    "a line break": ({"MUTE_CALL_TOKEN": "canary\n"}, "", "MUTE_CALL_TOKEN"),
    "a key": ({}, "instances =>instanes =", "callers.default.instanes: Key is unknown; did you mean `instances`?"),
    "a key of a scheme": (
        {},
        "secrets =>secret =",
        "callers.default.auth.secret: Key is unknown; did you mean `secrets`?",
    ),
    "a table": ({}, "[callers.default>[caller.default", "caller: Key is unknown; did you mean `callers`?"),
    "a scheme": ({}, '"bearer">"berer"', "callers.default.auth: Unknown scheme; did you mean `bearer`?"),
    "a secret itself": ({}, "env:MUTE_CALL_TOKEN>canary", "secrets.0: Secret should be a reference, env:NAME"),
    "no list": ({}, '["ccc-test"]>"canary"', "callers.default.instances: Value should be a list"),
    "nothing in it": ({}, '["ccc-test"]>[]', "callers.default.instances: Value should not be empty"),
    "a name": ({}, "callers.default>callers.Default", "Name should have lower-case letters"),
    "a method": ({}, "auth =>methods = ['canary']\nauth =", "methods.0: Value should be POST or GET"),
    "yes": ({}, "auth =>dead_letters = 'canary'\nauth =", "dead_letters: Value should be true or false"),
    "no table": ({}, "auth =>parameters = 'canary'\nauth =", "parameters: Value should be a table"),
}
DOUBTFUL: dict[str, tuple[dict[str, str], str]] = {
    **{
        name: ({name: "canary"}, f"{name} is not a known variable; did you mean {meant}?")
        for name, meant in {
            "IDEMPOTENCY_TTL": "IDEMPOTENCY_TTL_SECONDS",
            "DEADLINE_SECONDS": "DEADLINE_MS",
            "LOGLEVEL": "LOG_LEVEL",
            "deadline_ms": "DEADLINE_MS",
        }.items()
    },
    "CCC_PROTOCOL": ({"CCC_PROTOCOL": "https"}, "CCC_PROTOCOL is supported"),
    "a region that is not": (
        {"KMS_REGION": "cn-shangai"},
        "KMS_REGION: Region is unknown; did you mean cn-shanghai?",
    ),
    "OSS's name for it": (
        {"OSS_REGION": "oss-cn-beijing"},
        "OSS_REGION: Region is unknown; did you mean cn-beijing?",
    ),
    "longer than all": ({"CCC_READ_TIMEOUT_MS": "6000"}, "CCC_READ_TIMEOUT_MS is longer than DEADLINE_MS (4500)"),
}
NOT_OURS = (
    "FC_ENDPOINT ALIBABA_CLOUD_REGION SLS_ENDPOINT STS_ENDPOINT RDS_REGION REGION APP_LOG_LEVEL LOG_FILE OSS CCC LOG"
)
FOREIGN_WORDS = re.compile(
    r"Input should|String should|should match|Field required|Extra inputs|valid (integer|list)|\^"
)


def started(place: Place, **variables: str) -> list[dict[str, Any]]:
    """The lines that an instance leaves at its start."""
    lines = io.StringIO()
    environ = {**CREDENTIALS, "MUTE_CALL_TOKEN": SECRETS["MUTE_CALL_TOKEN"], **variables}
    Function(MUTE_CALL, place.callers, environ=environ, log_to=lines).initialize(Context312())
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize("name", STOPPING)
def test_a_slip_that_stops_somebody_is_told_in_a_sentence(place: Place, examine: Examine, name: str) -> None:
    variables, edit, told = STOPPING[name]
    old, _, new = edit.partition(">")
    place.write_callers(ALONE.replace(old, new, 1) if edit else ALONE)
    for variable, value in variables.items():
        place.shell.setenv(variable, value)
        if variable != "MUTE_CALL_TOKEN":
            place.deploy(variable, value)
    (line,) = started(place, **variables)
    assert (line["level"], line["code"]) == ("ERROR", "configuration_error")
    assert told in line["reason"]
    code, checks = examine()
    assert code == 1
    found = [check["found"] for check in checks if check["status"] == "failed"]
    assert [text for text in found if told in text]
    for text in (line["reason"], *found):
        assert not FOREIGN_WORDS.search(text)
        assert "canary" not in text.lower().replace(SECRETS["MUTE_CALL_TOKEN"], "")


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_slip_that_stops_nobody_is_told_as_a_warning(place: Place, examine: Examine, name: str) -> None:
    variables, told = DOUBTFUL[name]
    place.write_callers(ALONE)
    for variable, value in variables.items():
        place.deploy(variable, value)
    (line,) = started(place, **variables)
    assert (line["level"], line["code"]) == ("WARNING", None)
    assert told in line["reason"]
    code, checks = examine()
    assert code == 0
    (warned,) = [check for check in checks if check["status"] == "warning"]
    assert told in warned["found"]
    assert warned["remedy"]


def test_a_pattern_in_instances_is_told_as_a_warning(place: Place, examine: Examine) -> None:
    place.write_callers(re.sub(r"instances = .*", 'instances = ["canary-*"]', ALONE))
    told = "callers.default.instances: * means every instance and must be the only entry; there are no patterns"
    (line,) = started(place)
    assert (line["level"], line["code"], line["reason"]) == ("WARNING", None, told)
    code, checks = examine()
    assert code == 0
    assert [check["found"] for check in checks if check["status"] == "warning"] == [told]


def test_a_slip_in_the_shell_alone_is_told_too(place: Place, examine: Examine) -> None:
    place.shell.setenv("IDEMPOTENCY_UR", "canary")
    _, checks = examine()
    assert "IDEMPOTENCY_UR is not a known variable; did you mean IDEMPOTENCY_URL?" in [
        check["found"] for check in checks
    ]


def test_variables_of_others_are_let_alone(place: Place) -> None:
    place.write_callers(ALONE.replace("env:MUTE_CALL_TOKEN_PREVIOUS", "env:CCC_REGIO"))
    others = dict.fromkeys(["CCC_REGIO", *NOT_OURS.split()], "canary")
    assert started(place, **{**os.environ, **others}) == []


def test_a_callers_file_may_come_from_any_editor(place: Place) -> None:
    place.callers.write_bytes(b"\xef\xbb\xbf" + ALONE.encode().replace(b"\n", b"\r\n"))
    assert started(place) == []


def test_an_optional_secret_of_no_use_is_told_though_its_caller_goes_on(place: Place) -> None:
    place.write_callers(ALONE)
    (line,) = started(place, MUTE_CALL_TOKEN_PREVIOUS="canary\n")
    assert line["reason"].startswith("callers.default.auth.secrets: MUTE_CALL_TOKEN_PREVIOUS has white space")
