"""The README against the code: its blocks run, its tables are the code's."""

from __future__ import annotations

import re
import shutil
import sys

import pytest

from local.simulator import Simulator
from local.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack
from tests.contract.documents import read
from tests.contract.running import console, is_excerpt, run, serving

README = read("README.md")


def test_the_demo_prints_what_the_readme_and_the_quick_start_show() -> None:
    (command, excerpt), (same, whole) = console(README)[0], console(read("docs/quickstart.md"))[0]
    assert command == same == "make demo"
    printed = run(command, f"PYTHON={sys.executable}")
    assert is_excerpt(excerpt, printed)
    assert is_excerpt(whole, printed)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_pieces_work_as_the_readme_shows() -> None:
    (simulate, ready), (serve, also_ready), (call, answer) = console(README)[1:4]
    with serving(simulate) as line:
        assert is_excerpt(ready, line)
        endpoint = line.split("//")[1].strip()
        with serving(serve.replace("127.0.0.1:9001", endpoint)) as other:
            assert is_excerpt(also_ready, other)
            gateway = other.split("//")[1].strip()
            assert is_excerpt(answer, run(call.replace("127.0.0.1:9000", gateway)))


def test_the_sender_prints_what_the_readme_shows() -> None:
    command, shown = console(README)[4]
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN}) as (gateway, _):
        assert is_excerpt(shown, run(command, "--url", gateway.url))


def test_the_explainer_prints_what_the_readme_shows() -> None:
    command, shown = console(README)[5]
    assert is_excerpt(shown, run(command, code=1))


def test_the_replay_prints_what_the_readme_shows() -> None:
    command, shown = next((command, output) for command, output in console(README) if "local.replay" in command)
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN}) as (gateway, _):
        assert is_excerpt(shown, run(command, "--url", gateway.url))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_secret_is_put_as_the_readme_shows() -> None:
    ((command, shown),) = (block for block in console(README) if "_simulator/secrets" in block[0])
    with Simulator() as simulator:
        assert run(command.replace("http://127.0.0.1:9001", simulator.url)) == shown.rstrip("\n")


def test_the_doctor_prints_what_the_readme_shows() -> None:
    command, shown = next((command, output) for command, output in console(README) if "local.doctor" in command)

    def lines(text: str) -> list[str]:
        # Which Python it is, what is installed and what is built differ from place to place.
        told = re.sub(r"\n +→ .*|(?m:^\d+ (ok|warning|failed).*)", "", text)
        differing = ("python ", "requirements ", "package ")
        return [line for line in told.splitlines() if not line[2:].startswith(differing)]

    assert lines(run(command)) == lines(shown)
