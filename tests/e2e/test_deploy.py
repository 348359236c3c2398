"""`make deploy` with a stand-in for the tool: it deploys and its package answers, or the exit status tells."""

from __future__ import annotations

import contextlib
import http.server
import os
import pty
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from functions.mute_call.index import MUTE_CALL
from local.package.archive import write_build, write_zip
from shared.function import Function
from tests.builders import Context312, environment, http_event

ROOT = Path(__file__).parents[2]
PARTS = ("Makefile", "s.yaml", "local", "shared", "functions")
MAKE_ERROR = 2

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("make"), reason="needs make")]

# Records its arguments; `deploy` does what STAND_IN says, in its order, and a package is as good as its one file.
TOOL = f"""#!{sys.executable}
import os, pathlib, shutil, sys
place = pathlib.Path(os.environ["PLACE"])
with open(place / "calls", "a") as calls:
    calls.write(" ".join([os.environ["RUNTIME"], *sys.argv[1:]]) + "\\n")
steps = os.environ["STAND_IN"].split()
if sys.argv[2] == "info":
    if "silent" in steps:
        sys.exit(1)
    print(os.environ["INFO"])
for step in steps if sys.argv[2] == "deploy" else ():
    if step.startswith("build="):
        shutil.rmtree("dist/mute_call", ignore_errors=True)
        shutil.copytree(place / step[6:], "dist/mute_call")
        pathlib.Path("dist/mute_call.zip").unlink(missing_ok=True)
        shutil.copy(place / f"{{step[6:]}}.zip", "dist/mute_call.zip")
    if step == "send":
        shutil.copy("dist/mute_call/build.txt", place / "platform/build.txt")
    if step == "fail":
        sys.exit(7)
"""


class Place(NamedTuple):
    """A checkout, and a platform with the package `old`; `new` can be built there."""

    folder: Path
    url: str

    def make(
        self, steps: str, *words: str, variables: Mapping[str, str] = MappingProxyType({}), terminal: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run `make deploy` with a stand-in that takes these steps."""
        command = ["make", "-o", "install", "deploy", f"BIN={Path(sys.executable).parent}", "WAIT=0", *words]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "URL"))}
        environ |= {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "PLACE": str(self.folder)}
        environ |= {"STAND_IN": steps, "INFO": f"url:\n  system_url: {self.url}\n", "NO_PROXY": "*", **variables}
        ours, theirs = pty.openpty() if terminal else (None, subprocess.PIPE)
        done = subprocess.run(  # noqa: S603 - our own Makefile
            command,
            cwd=self.folder / "checkout",
            env=environ,
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        if ours is not None:
            os.close(theirs)
            told = b""
            # At its end a terminal has nothing more, and says so with an error.
            with contextlib.suppress(OSError):
                while part := os.read(ours, 65536):
                    told += part
            os.close(ours)
            done.stdout = told.decode()
        return done

    @property
    def calls(self) -> list[str]:
        """The tool's arguments, after the runtime."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    checkout, platform = tmp_path / "checkout", tmp_path / "platform"
    for folder in (checkout, platform, tmp_path / "bin"):
        folder.mkdir()
    for name in PARTS:
        # Found from the checkout's own folder, as `python -m` finds what it is to run.
        checkout.joinpath(name).symlink_to(ROOT / name)
    tool = tmp_path / "bin" / "s"
    tool.write_text(TOOL)
    tool.chmod(0o755)
    for name in ("old", "new"):
        folder = tmp_path / name
        folder.mkdir()
        folder.joinpath("index.py").write_text(name)
        write_build(folder)
        write_zip(folder, tmp_path / f"{name}.zip")
    shutil.copytree(tmp_path / "old", checkout / "dist" / "mute_call")
    shutil.copy(tmp_path / "old.zip", checkout / "dist" / "mute_call.zip")
    shutil.copy(tmp_path / "old" / "build.txt", platform)
    shutil.copy(ROOT / "functions" / "mute_call" / "callers.toml", platform)
    with serving(platform) as url:
        yield Place(tmp_path, url)


@contextlib.contextmanager
def serving(platform: Path) -> Iterator[str]:
    """Serve the package that the platform has, each request by a new instance."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            function = Function(MUTE_CALL, platform / "callers.toml", environ=environment())
            answer = function.handle(http_event(method="GET", path=self.path, token=None), Context312())
            self.send_response(answer["statusCode"])
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Case(NamedTuple):
    """What the tool does, and how `make deploy` ends."""

    steps: str
    status: int
    says: str
    words: tuple[str, ...] = ()
    variables: Mapping[str, str] = MappingProxyType({})


CASES = {
    "deployed": Case("build=new send", 0, "answers with build"),
    "deployed again": Case("build=old send", 0, "answers with build"),
    "told as JSON": Case(
        "build=new send", 0, "answers with build", variables={"INFO": '{"url": {"system_url": "HERE"}}'}
    ),
    "nothing sent": Case("build=new", MAKE_ERROR, "answers, expected"),
    "nothing done at all": Case("", MAKE_ERROR, "s exited with 0 and has not built dist/mute_call.zip"),
    "failed": Case("build=new send fail", MAKE_ERROR, "s exited with 7"),
    "no address": Case("build=new send silent", MAKE_ERROR, "python -m local.smoke --url URL"),
    "an address of none": Case("build=new send", MAKE_ERROR, "was not checked", variables={"INFO": "region: x"}),
    "the shell's address": Case("build=new send silent", 0, "answers with build", variables={"URL": "HERE"}),
    "the shell's address is another's": Case("build=new send", 0, "answers with build", variables={"URL": "NOBODY"}),
    "an address on the command line": Case("build=new send", MAKE_ERROR, "no answer", words=("URL=NOBODY",)),
    "nobody is to be asked": Case("build=new", 0, "not checked whether", words=("URL=none",)),
    "nobody listens": Case("build=new send", MAKE_ERROR, "no answer", variables={"INFO": "system_url: NOBODY"}),
    "in the clear": Case("build=new send", MAKE_ERROR, "use https", variables={"INFO": "system_url: http://f.example"}),
    "an unknown resource": Case(
        "build=new send", MAKE_ERROR, "has no resource x; it has mute_call,", words=("RESOURCE=x",)
    ),
    "a wait without end": Case("build=new", MAKE_ERROR, "no number of seconds up to 3600", words=("WAIT=nan",)),
    "an unknown runtime": Case("build=new send", MAKE_ERROR, "invalid choice: 'x'", words=("RUNTIME=x",)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_deploys_or_fails(place: Place, case: Case) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"

        def filled(text: str) -> str:
            return text.replace("HERE", place.url).replace("NOBODY", nobody)

        variables = {name: filled(value) for name, value in case.variables.items()}
        done = place.make(case.steps, *map(filled, case.words), variables=variables)
    assert done.returncode == case.status, done.stdout + done.stderr
    assert case.says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    # There is no terminal: the tool must not wait for an answer.
    assert [call for call in place.calls if "deploy" in call] in ([], ["python3.12 mute_call deploy -y"])


def test_somebody_at_a_terminal_is_asked(place: Place) -> None:
    done = place.make("build=new send", terminal=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.calls == ["python3.12 mute_call deploy", "python3.12 mute_call info --silent -o raw"]


def test_a_package_without_a_build_is_another_one(place: Place) -> None:
    place.folder.joinpath("platform/build.txt").unlink()
    done = place.make("build=new")
    assert done.returncode == MAKE_ERROR
    assert "a package without a build answers" in done.stdout


def test_a_package_that_serves_nobody_is_told(place: Place) -> None:
    place.folder.joinpath("platform/callers.toml").write_text("[callers")
    done = place.make("build=new send")
    assert done.returncode == MAKE_ERROR
    assert "no caller can be served" in done.stdout
    assert "`s mute_call logs --tail`" in done.stdout


def test_what_has_no_package_is_not_asked(place: Place) -> None:
    text = ROOT.joinpath("s.yaml").read_text(encoding="utf-8")
    document = place.folder / "checkout" / "s.yaml"
    document.unlink()
    document.write_text(f"{text}\n  domain:\n    component: fc3-domain\n    props: {{}}\n", encoding="utf-8")
    done = place.make("", "RESOURCE=domain")
    assert (done.returncode, place.calls) == (0, ["python3.12 domain deploy -y"])
    assert "the function behind it: python -m local.smoke" in done.stdout


def test_a_tool_that_cannot_be_run_is_told(place: Place) -> None:
    place.folder.joinpath("bin/s").write_bytes(b"\x7fELF of another machine")
    done = place.make("")
    assert done.returncode == MAKE_ERROR
    assert "local.deploy: s cannot be run: Exec format error" in done.stderr


def test_a_missing_tool_is_told(place: Place) -> None:
    place.folder.joinpath("bin/s").unlink()
    done = place.make("", variables={"PATH": f"{place.folder / 'bin'}:/usr/bin:/bin"})
    assert done.returncode == MAKE_ERROR
    assert "s is not installed: npm install --global @serverless-devs/s" in done.stderr
