"""The installing of the Makefile, with pip and uv, from an index that writes down who asks."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
VENV = f".venv/{sys.version_info[0]}.{sys.version_info[1]}"
WORD = "word4711"
LOGIN = base64.b64encode(f"reader:{WORD}".encode()).decode()
# Before the tests' own environment, and without what is configured here.
SHELL = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("PIP_", "UV_", "MAKE", "MFLAGS", "COVERAGE_"))
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not UV.is_file() or shutil.which("make") is None, reason="needs make, and uv in the environment"
    ),
]


class Index(ThreadingHTTPServer):
    """Serves wheels by the simple repository API, to those who log in."""

    daemon_threads = True

    def __init__(self, wheels: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.wheels = wheels
        self.url = f"http://reader:{WORD}@127.0.0.1:{self.server_port}/simple/"
        # Program and path.
        self.asked: set[tuple[str, str]] = set()
        # The program that waits for ever.
        self.hangs = ""
        self.closing = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Index
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        program = self.headers["User-Agent"].partition("/")[0]
        if program == self.server.hangs:
            self.server.closing.wait(300)
            self.close_connection = True
        elif self.headers["Authorization"] != f"Basic {LOGIN}":
            self.answer(401, b"", ("WWW-Authenticate", 'Basic realm="index"'))
        else:
            self.server.asked.add((program, self.path))
            folder, _, name = self.path.strip("/").partition("/")
            found = (
                sorted(self.server.wheels.glob(f"{name}-*.whl")) if folder == "simple" else [self.server.wheels / name]
            )
            links = "".join(f'<a href="/files/{wheel.name}">{wheel.name}</a>' for wheel in found)
            self.answer(
                200, links.encode() if folder == "simple" else found[0].read_bytes(), ("Content-Type", "text/html")
            )

    def answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with Index(wheels) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def repository(tmp_path: Path, index: Index) -> Path:
    """A repository that needs `greeter`; its uv is the environment's."""
    root = tmp_path / "repository"
    for name in ("Makefile", "local/__init__.py", "local/uv.py"):
        root.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    root.joinpath("requirements").mkdir()
    shim = f'#!/bin/sh\nexec "{UV}" "$@"\n'
    for lock, name, files in (
        ("uv", "uv", {"uv-1.0.data/scripts/uv": shim}),
        ("function", "greeter", {"greeter.py": "HELLO = 'hello'\n"}),
    ):
        root.joinpath(f"requirements/{lock}.txt").write_text(add_wheel(index.wheels, name, files))
    return root


def add_wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """Put a wheel into the folder; return the line that locks it."""
    info = f"{name}-1.0.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / f"{name}-1.0-py3-none-any.whl"
    everything = files | metadata
    everything[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*everything, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in everything.items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o100755 << 16
            wheel.writestr(entry, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.mark.parametrize("configured", ["by variable", "by file, and uv hangs"])
def test_pip_and_uv_ask_the_index_that_pip_is_configured_for(
    repository: Path, index: Index, tmp_path: Path, configured: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    hangs = configured.endswith("hangs")
    index.hangs = "uv" if hangs else ""
    # Nobody answers there.
    own = {
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_HTTP_TIMEOUT": "2" if hangs else "60",
        "UV_HTTP_RETRIES": "0",
    }
    if configured == "by variable":
        own |= {"PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": os.devnull}
    else:
        tmp_path.joinpath("pip.conf").write_text(f"[global]\nindex-url = {index.url}\n")
        own["PIP_CONFIG_FILE"] = str(tmp_path / "pip.conf")
    made = subprocess.run(  # noqa: S603 - our own Makefile
        ["make", f"{VENV}/.function", f"PYTHON={os.path.realpath(sys.executable)}"],  # noqa: S607 - as a newcomer finds it
        cwd=repository,
        env=SHELL | {"HOME": str(home), "UV_CACHE_DIR": str(home / "uv"), "PIP_CACHE_DIR": str(home / "pip")} | own,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert ("pip", "/simple/uv/") in index.asked
    assert ("pip" if hangs else "uv", "/simple/greeter/") in index.asked
    assert ("uv" if hangs else "pip", "/simple/greeter/") not in index.asked
    assert made.stderr.endswith("pip does\n") == hangs
    assert WORD not in made.stdout + made.stderr
    python = repository / VENV / "bin" / "python"
    subprocess.run([python, "-c", "import greeter"], check=True, timeout=60)  # noqa: S603 - just made
    kept = [path for path in repository.rglob("*") if path.is_file() and WORD.encode() in path.read_bytes()]
    assert kept == []
