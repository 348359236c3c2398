"""Running what a page shows: its commands in their order, and whether what they print is what stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract.documents import ROOT, fences

TIMEOUT_S = 120
# Stands alone on a line for what is left out there.
LEFT_OUT = "…"
# What differs from run to run.
VARIABLE = [
    (r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", "<uuid>"),
    (r"1-[0-9a-f]{8}-[0-9a-f]{16}", "<request id>"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
    (r'("\w+_ms"): [\d.]+', r"\1: <ms>"),
    (r"127\.0\.0\.1:\d+", "<address>"),
]
# On free ports, in the place of the targets that serve or install.
TARGETS = {
    "make demo": "python -m local.demo",
    "make run": "python -m local.run --gateway-port 0 --simulator-port 0",
}
SERVING = re.compile(r"local\.(run|gateway|simulator)\b")
READY = ("listening", "Ctrl-C")
# What they print is of the machine, or of an account.
NOT_COMPARED = re.compile(r"local\.(doctor|bench|audit|package|deploy)\b|^(s|aliyun|make) ")


def steady(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, name in VARIABLE:
        text = re.sub(pattern, name, text)
    return text


def is_excerpt(shown: str, printed: str) -> bool:
    """Whether a text is a command's output but for empty lines at its end, and for what a line says is left out."""
    first, *others = steady(shown).rstrip("\n").split(f"\n{LEFT_OUT}\n")
    rest = steady(printed).rstrip("\n")
    if not others:
        return rest == first
    if not rest.startswith(f"{first}\n"):
        return False
    rest = rest[len(first) :]
    for part in others[:-1]:
        _, found, rest = rest.partition(f"\n{part}\n")
        if not found:
            return False
    return rest.endswith(f"\n{others[-1]}")


def process_of(command: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return a command's words, `python` being this one, and its environment."""
    words = shlex.split(command)
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT if not folder.joinpath("shared").is_dir() else folder)}
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, environment[name] = words.pop(0).partition("=")
    return [sys.executable if words[0] == "python" else words[0], *words[1:]], environment


def run(command: str, folder: Path = ROOT) -> str:
    """Run a command to its end and return what it prints; 1 is the exit code of an explanation of a failure."""
    words, environment = process_of(command, folder)
    if words[0] == "curl" and shutil.which("curl") is None:
        pytest.skip("no curl here: apt install curl")
    done = subprocess.run(  # noqa: S603 - our own documents
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@contextmanager
def serving(command: str, folder: Path = ROOT) -> Iterator[str]:
    """Run a command that serves, on free ports, and return what it prints when it is ready."""
    words, environment = process_of(re.sub(r"--port \d+", "--port 0", command), folder)
    with subprocess.Popen(  # noqa: S603 - as above
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            printed = ""
            for line in process.stdout:
                printed += line
                if line.startswith(READY):
                    break
            yield printed
        finally:
            process.send_signal(signal.SIGTERM)


@dataclass
class Reader:
    """Somebody who types what a page shows, in one folder.

    Attributes:
        folder: where, with the files that the page has its reader save.
        addresses: what serves now, by the port that the page shows.
    """

    folder: Path
    addresses: dict[str, str] = field(default_factory=dict)
    servers: ExitStack = field(default_factory=ExitStack)

    def follow(self, page: str) -> Iterator[tuple[str, str, str]]:
        """Run the blocks of a page; yield each command with what is shown and what is printed."""
        with self.servers:
            for token in fences(page):
                command, _, shown = token.content.removeprefix("$ ").partition("\n")
                if token.info == "console" and not NOT_COMPARED.search(self._runnable(command)):
                    yield command, shown, self._type(command)
                elif token.info == "sh" and command.endswith("make run"):
                    self._type(command)

    def _runnable(self, command: str) -> str:
        for target, module in TARGETS.items():
            command = re.sub(rf"{target}$", module, command)
        return re.sub(r"127\.0\.0\.1:(\d+)", lambda found: self.addresses.get(found[1], found[0]), command)

    def _type(self, command: str) -> str:
        runnable = self._runnable(command)
        if SERVING.search(runnable):
            return self._serve(command, runnable)
        if re.search(r"local\.(send|replay)\b", command) and "--url" not in command:
            if "9000" not in self.addresses:
                self._type("make run")
            runnable += f" --url http://{self.addresses['9000']}"
        return run(runnable, self.folder)

    def _serve(self, command: str, runnable: str) -> str:
        if command.endswith("make run"):
            # In the place of what served before.
            self.servers.close()
        printed = self.servers.enter_context(serving(runnable, self.folder))
        found = re.findall(r"127\.0\.0\.1:\d+", printed)
        ports = re.findall(r"--port (\d+)", command) or ["9000", "9001"]
        self.addresses.update(zip(ports, found, strict=False))
        return printed
