"""What a page's console blocks show is what their commands print, typed one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.documents import ROOT, blocks, tokens
from tests.contract.running import Reader, is_excerpt
from tests.contract.test_docs import PAGES

# Its blocks are followed in a copy of the repository (test_adding_a_function.py).
ELSEWHERE = {"docs/adding-a-function.md"}
# Translations show the same blocks (test_translations.py).
SHOWING = [
    name for name, text in PAGES.items() if "zh" not in name and name not in ELSEWHERE and blocks(text, "console")
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has what a checkout has of files for commands."""
    tmp_path.joinpath("events").symlink_to(ROOT / "events")
    tmp_path.joinpath("local").mkdir()
    tmp_path.joinpath("local/callers.toml").symlink_to(ROOT / "local/callers.toml")
    return tmp_path


def save(page: str, folder: Path) -> None:
    """Save the blocks that a page has its reader save: the paragraph before them names the file."""
    named: list[str] = []
    for token in tokens(page):
        if token.type == "inline":
            spans = [child.content for child in token.children or () if child.type == "code_inline"]
            named = [span for span in spans if re.fullmatch(r"[\w-]+\.(toml|json)", span)]
        elif token.type == "fence":
            for name in named:
                if name.endswith(f".{token.info}"):
                    folder.joinpath(name).write_text(token.content, encoding="utf-8")


@pytest.mark.parametrize(
    "name", [name if name == "README.md" else pytest.param(name, marks=pytest.mark.slow) for name in SHOWING]
)
def test_a_page_shows_what_its_commands_print(name: str, folder: Path) -> None:
    save(PAGES[name], folder)
    for command, shown, printed in Reader(folder).follow(PAGES[name]):
        assert is_excerpt(shown, printed), f"$ {command}\n{printed}"
