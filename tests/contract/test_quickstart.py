"""docs/quickstart.md: each of its blocks is saved, run, or printed, in its order."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.contract.documents import blocks, read
from tests.contract.running import console, is_excerpt, run, serving

PAGE = read("docs/quickstart.md")
FREE = ("--gateway-port", "0", "--simulator-port", "0")
# The first is the README's, too: test_readme.py runs it.
(_, RUN, CURL, EXPLAIN, SEND), (RUN_OWN,) = console(PAGE), blocks(PAGE, "sh")


def make_run(command: str) -> str:
    """Return what `make run` runs, with the variables before it."""
    assert command.rstrip("\n").endswith("make run")
    return command.replace("make run", "python -m local.run").strip()


def address(printed: str) -> str:
    """Return the gateway's, as `make run` prints it."""
    return printed.partition("\n")[0].split()[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the page has its reader save."""
    (callers,), (_, event) = blocks(PAGE, "toml"), blocks(PAGE, "json")
    for name, content in {"helpdesk.toml": callers, "helpdesk.json": event}.items():
        assert f"`{name}`" in PAGE
        tmp_path.joinpath(name).write_text(content, encoding="utf-8")
    return tmp_path


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: apt install curl")
def test_the_first_mute_is_what_the_page_shows() -> None:
    (command, shown), (curl, answer) = RUN, CURL
    assert curl in shown.splitlines()
    with serving(make_run(command), *FREE, last="Ctrl-C") as printed:
        assert is_excerpt(shown, printed)
        assert is_excerpt(answer, run(curl.replace("http://127.0.0.1:9000", address(printed))))
        console_page = next(line.split()[1] for line in printed.splitlines() if line.startswith("console"))
        assert "<html" in run(f"curl -sS {console_page}")
    assert "`http://127.0.0.1:9000/_console`" in PAGE
    assert "http://127.0.0.1:9000/_console" in shown


def test_the_event_is_what_the_help_desk_posts(folder: Path) -> None:
    posted, event = blocks(PAGE, "json")[0], json.loads(folder.joinpath("helpdesk.json").read_text(encoding="utf-8"))
    assert json.loads(event["body"]) == json.loads(posted)


def test_the_explainer_prints_what_the_page_shows(folder: Path) -> None:
    command, shown = EXPLAIN
    assert is_excerpt(shown, run(command, folder=folder))


def test_the_own_sender_mutes_as_the_page_shows(folder: Path) -> None:
    command, shown = SEND
    with serving(make_run(RUN_OWN), *FREE, folder=folder, last="Ctrl-C") as printed:
        assert is_excerpt(shown, run(command, "--url", address(printed), folder=folder))
