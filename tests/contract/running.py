"""Running what a document shows: its commands, and whether what they print is what stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.documents import ROOT, blocks

TIMEOUT_S = 120
# Stands alone on a line for what is left out there.
LEFT_OUT = "…"
# What differs from run to run.
_VARIABLE = [
    (r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", "<uuid>"),
    (r"1-[0-9a-f]{8}-[0-9a-f]{16}", "<request id>"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
    (r'("\w+_ms"): [\d.]+', r"\1: <ms>"),
    (r"127\.0\.0\.1:\d+", "<address>"),
]


def steady(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, name in _VARIABLE:
        text = re.sub(pattern, name, text)
    return text


def console(text: str) -> list[tuple[str, str]]:
    """Return command and output of every console block."""
    found = [block.partition("\n") for block in blocks(text, "console")]
    return [(command.removeprefix("$ "), output) for command, _, output in found]


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


def words_of(command: str) -> tuple[dict[str, str], list[str]]:
    """Return the variables that stand before a command, and its words."""
    words = shlex.split(command)
    assigned = {}
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        assigned[name] = value
    return assigned, words


def run(command: str, *options: str, folder: Path = ROOT, code: int = 0, **shell: str) -> str:
    """Run a command of a document to its end and return what it prints; `python` is this one.

    Args:
        command: as it stands there.
        options: behind it.
        folder: where to run it; modules are those of the repository, or of a copy that the folder is.
        code: the exit code that it has to have.
        shell: more variables.
    """
    assigned, words = words_of(command)
    words = [sys.executable, *words[1:]] if words[0] == "python" else words
    path = {} if folder.joinpath("local").is_dir() else {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603 - our own documents
        [*words, *options],
        cwd=folder,
        env=os.environ | path | shell | assigned,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


@contextmanager
def serving(command: str, *options: str, folder: Path = ROOT, last: str = "listening") -> Iterator[str]:
    """Run a command that serves, on free ports, and return what it prints when it is ready.

    Args:
        command: as it stands in a document.
        options: behind it.
        folder: as for `run`.
        last: how the line begins with which it is ready.
    """
    assigned, words = words_of(re.sub(r"--port \d+", "--port 0", command))
    words = [sys.executable, *words[1:]] if words[0] == "python" else words
    path = {} if folder.joinpath("local").is_dir() else {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: S603 - as above
        [*words, *options],
        cwd=folder,
        env=os.environ | path | assigned,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            printed = ""
            for line in process.stdout:
                printed += line
                if line.startswith(last):
                    break
            yield printed
        finally:
            process.send_signal(signal.SIGTERM)
