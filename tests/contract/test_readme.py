"""The README against the code: its blocks run, its tables are the code's."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from local.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack
from tests.builders import CREDENTIALS
from tests.contract.documents import read
from tests.contract.running import console, is_excerpt, run, serving

README = read("README.md")


# A Python whose environments are this one, and hold all that could be installed.
INSTALLED = f"""\
#!/bin/sh
case "$2" in
venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
pip | local.uv) ;;
*) exec "{sys.executable}" "$@" ;;
esac
"""


def test_the_demo_prints_what_the_readme_and_the_quick_start_show(tmp_path: Path) -> None:
    quick_start = read("docs/quickstart.md")
    (command, excerpt), (same, whole) = console(README)[0], console(quick_start)[0]
    assert command == same == "make demo"
    python = tmp_path / "python"
    python.write_text(INSTALLED, encoding="utf-8")
    python.chmod(0o755)
    clean = (f"PYTHON={python}", f"VENV={tmp_path / 'environment'}")
    # Neither hushed nor told anything else by the make that may run this.
    printed = run(command, *clean, MAKEFLAGS="", MAKELEVEL="0")
    installing, first, rest = printed.partition(excerpt.partition("\n")[0])
    assert is_excerpt(excerpt, first + rest)
    assert is_excerpt(whole, first + rest)
    # make shows its commands unless they are hushed: both pages say so.
    assert "pip install" in installing
    assert all(str(tmp_path) in line for line in installing.splitlines())
    for page in (README, quick_start):
        assert "with commands that it prints before what stands here" in " ".join(page.split())
    assert is_excerpt(excerpt, run(command, *clean))


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: apt install curl")
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


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: apt install curl")
def test_the_secret_is_put_as_the_readme_shows_and_serves_the_demos_caller(tmp_path: Path) -> None:
    ((command, shown),) = (block for block in console(README) if "_simulator/secrets" in block[0])
    assert "`kms:crm`" in README
    callers = tmp_path / "callers.toml"
    callers.write_text(read("local/callers.toml").replace("env:CRM_SECRET", "kms:crm"), encoding="utf-8")
    with stack(variables={**CREDENTIALS, "CALLERS_FILE": str(callers)}) as (gateway, simulator):
        assert run(command.replace("http://127.0.0.1:9001", simulator.url)) == shown.rstrip("\n")
        send = "python -m local.send events/callers/standard-webhooks.json --caller crm"
        assert '"status": "muted"' in run(send, "--callers", str(callers), "--url", gateway.url)


def test_the_doctor_prints_what_the_readme_shows(tmp_path: Path) -> None:
    command, shown = next((command, output) for command, output in console(README) if "local.doctor" in command)

    def lines(text: str) -> list[str]:
        # Which Python it is, what is installed and what is built differ from place to place.
        told = re.sub(r"\n +→ .*|(?m:^\d+ (ok|warning|failed).*)", "", text)
        differing = ("python ", "requirements ", "package ")
        return [line for line in told.splitlines() if not line[2:].startswith(differing)]

    # What the deployment tool keeps on this machine differs, too.
    assert lines(run(command, HOME=str(tmp_path))) == lines(shown)
