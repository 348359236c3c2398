"""docs/adding-a-function.md, followed in a copy of the repository: the function that it builds works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.documents import ROOT, blocks, read, tables
from tests.contract.running import TIMEOUT_S, Reader, is_excerpt, run

PAGE = read("docs/adding-a-function.md")
COPIED = ("functions", "shared", "local", "events", "tests", "requirements", "s.yaml", "pyproject.toml", "Makefile")
INDEX = "functions/hold_call/index.py"
# What tells the new entry points from those that were copied.
WORDS = {
    "unmute-call": "hold-call",
    "UNMUTE_CALL": "HOLD_CALL",
    "UnmuteCall": "HoldCall",
    '"unmuted"': '"held"',
    "Unmute the channel that the event names": "Put the channel that the event names on hold",
}

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unmeasured")]


def patch(root: Path, difference: str) -> None:
    """Change a file as a block says: what stands there without `+` is found once, and becomes what has no `-`."""
    head, *hunks = re.split(r"^@@\n", difference, flags=re.MULTILINE)
    (name,) = re.findall(r"^\+\+\+ b/(.+)$", head, re.MULTILINE)
    text = root.joinpath(name).read_text(encoding="utf-8")
    for hunk in hunks:
        lines = [(line[:1], line[1:]) for line in hunk.splitlines()]
        before, after = ("\n".join(text for mark, text in lines if mark != skipped) for skipped in "+-")
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    root.joinpath(name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository that has followed the page."""
    root = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        if ROOT.joinpath(name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root)
    copying, writing, _ = blocks(PAGE, "sh")
    subprocess.run(copying.split(), cwd=root, check=True)  # noqa: S603 - our own document
    (index,), (resource,) = blocks(PAGE, "python"), blocks(PAGE, "yaml")
    root.joinpath(INDEX).write_text(index, encoding="utf-8")
    for difference in blocks(PAGE, "diff"):
        patch(root, difference)
    with root.joinpath("s.yaml").open("a", encoding="utf-8") as file:
        file.write(resource)
    assert writing == "python -m local.openapi\n"
    assert "functions/hold_call/openapi.json" in run(writing, folder=root)
    return root


def test_the_entry_points_are_those_of_the_counterpart_in_other_words() -> None:
    text = read("functions/unmute_call/index.py")
    for word, other in WORDS.items():
        assert word in text
        text = text.replace(word, other)
    (index,) = blocks(PAGE, "python")
    assert index == text


def test_the_lines_are_counted_right() -> None:
    told = {row[0]: int(row[1]) for row in tables(PAGE)["file"]}
    folder = ROOT / "functions" / "unmute_call"
    assert told == {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in folder.iterdir()
        if path.suffix in (".py", ".toml")
    }


def test_its_commands_print_what_the_page_shows(copy: Path) -> None:
    for command, shown, printed in Reader(copy).follow(PAGE):
        assert is_excerpt(shown, printed), f"$ {command}\n{printed}"


def test_the_tests_of_the_entry_points_and_of_the_deployment_pass(copy: Path) -> None:
    suites = ["tests/unit/functions/test_entry_points.py", "tests/contract/test_s_yaml.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suites, "-k", "hold_call or HoldCall"]
    done = subprocess.run(  # noqa: S603 - the copy's tests
        command, cwd=copy, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) > 20


def test_no_module_of_shared_is_changed(copy: Path) -> None:
    for path in ROOT.joinpath("shared").rglob("*.py"):
        assert copy.joinpath(path.relative_to(ROOT)).read_bytes() == path.read_bytes()
