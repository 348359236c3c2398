"""The README against the code: its blocks run, its tables are the code's."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from functions.mute_call import index
from local.simulator import Simulator
from local.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack
from shared.callers import load_callers
from shared.parameters import CallParameters
from shared.problems import problem_types
from shared.schemes import SCHEMES
from shared.settings import Settings
from tests.builders import PAYLOAD, TOKEN, Context312, environment, http_event
from tests.contract.documents import ROOT, blocks, headings, local_links, read, tables

README = read("README.md")
TIMEOUT_S = 120
# What differs from run to run.
VARIABLE = [
    (r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", "<uuid>"),
    (r"1-[0-9a-f]{8}-[0-9a-f]{16}", "<request id>"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
    (r'("\w+_ms"): [\d.]+', r"\1: <ms>"),
    (r"127\.0\.0\.1:\d+", "<address>"),
]


def steady(text: str) -> str:
    for pattern, name in VARIABLE:
        text = re.sub(pattern, name, text)
    return text


def console() -> list[tuple[str, str]]:
    """Return command and output of every console block."""
    found = [block.partition("\n") for block in blocks(README, "console")]
    return [(command.removeprefix("$ "), output) for command, _, output in found]


@contextmanager
def serving(command: str) -> Iterator[str]:
    """Run a command that serves, on a free port, and return its first line."""
    assignments, words = [], shlex.split(re.sub(r"--port \d+", "--port 0", command))
    while "=" in words[0]:
        assignments.append(words.pop(0).partition("="))
    assert words.pop(0) == "python"
    shell = os.environ | {name: value for name, _, value in assignments}
    with subprocess.Popen([sys.executable, *words], cwd=ROOT, env=shell, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own README
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
        finally:
            process.send_signal(signal.SIGTERM)


def test_the_demo_prints_what_the_readme_shows() -> None:
    command, shown = console()[0]
    done = subprocess.run(  # noqa: S603 - our own README
        [*shlex.split(command), f"PYTHON={sys.executable}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert steady(done.stdout) == steady(shown)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_pieces_work_as_the_readme_shows() -> None:
    (simulate, ready), (serve, also_ready), (call, answer) = console()[1:4]
    with serving(simulate) as line:
        assert steady(line) == steady(ready)
        endpoint = line.split("//")[1].strip()
        with serving(serve.replace("127.0.0.1:9001", endpoint)) as other:
            assert steady(other) == steady(also_ready)
            gateway = other.split("//")[1].strip()
            words = shlex.split(call.replace("127.0.0.1:9000", gateway))
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - our own README
            assert steady(done.stdout) == steady(answer).rstrip("\n")


def run_tool(command: str, **shell: str) -> str:
    assignment, python, *words = shlex.split(command)
    assert python == "python"
    name, _, value = assignment.partition("=")
    arguments = [sys.executable, *words, *(("--url", shell.pop("URL")) if "URL" in shell else ())]
    environment = os.environ | shell | {name: value}
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own README
    assert done.stderr == ""
    return done.stdout


def test_the_sender_prints_what_the_readme_shows() -> None:
    command, shown = console()[4]
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN}) as (gateway, _):
        assert steady(run_tool(command, URL=gateway.url)) == steady(shown)


def test_the_explainer_prints_what_the_readme_shows() -> None:
    command, shown = console()[5]
    assert steady(run_tool(command)) == steady(shown)


def test_the_problem_shown_is_a_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator() as simulator:
        for name, value in environment(CCC_ENDPOINT=simulator.endpoint, CCC_PROTOCOL="http").items():
            monkeypatch.setenv(name, value)
        answer = index.handler(http_event({**PAYLOAD, "JobId": "job-0"}), Context312())
    (shown,) = blocks(README, "json")
    assert json.loads(steady(answer["body"])) == json.loads(steady(shown))


def test_the_callers_shown_are_a_valid_file(tmp_path: Path) -> None:
    shown = "\n".join(blocks(README, "toml"))
    path = tmp_path / "callers.toml"
    path.write_text(shown, encoding="utf-8")
    assert set(load_callers(path).callers) == {"default", "crm", "ivr", "queue"}


def test_the_table_of_codes_is_the_error_tree() -> None:
    told = {row[0]: (int(row[1]), row[2] == "yes") for row in tables(README)["code"]}
    assert told == {kind.code: (kind.status, kind.retryable) for kind in problem_types()}


def test_the_table_of_parameters_is_the_model() -> None:
    told = {row[0]: row[1] == "yes" for row in tables(README)["parameter"]}
    assert told == {name: field.is_required() for name, field in CallParameters.model_fields.items()}


def test_the_table_of_variables_is_the_settings() -> None:
    told = {row[0]: row[1].strip("`") for row in tables(README)["variable"]}
    assert set(told) == {"CALLERS_FILE", *(name.upper() for name in Settings.model_fields)}
    constants = {name.upper(): field.default for name, field in Settings.model_fields.items() if field.default}
    fixed = {name: str(value) for name, value in constants.items() if isinstance(value, (int, str))}
    assert fixed.items() <= told.items()


def test_the_table_of_schemes_is_the_code() -> None:
    told = {row[0] for row in tables(README)["scheme"]}
    assert told == set(SCHEMES)


def test_the_readme_names_every_key_of_the_log_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUTE_CALL_TOKEN", TOKEN)
    index.handler(http_event(token=None), Context312())
    line = json.loads(capsys.readouterr().out)
    assert [key for key in line if f"`{key}`" not in README] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/deploy.md"])
def test_links_within_the_repository_lead_somewhere(name: str) -> None:
    text = read(name)
    folder = (ROOT / name).parent
    assert [target for target in local_links(text) if not (folder / target).exists()] == []
    fragments = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert fragments <= headings(text)
