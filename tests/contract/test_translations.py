"""A Chinese page has the blocks, commands, codes and names of its English page; pairs are found by their file names."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.contract.documents import ROOT, fences, links, prose, spans
from tests.contract.test_docs import PAGES


def original(name: str) -> str:
    """Return the name of the English page; that of a folder is its README."""
    page = name.replace("docs/zh/", "docs/")
    return page if page in PAGES else f"{page.removesuffix('.md')}/README.md"


PAIRS = {"README.md": "README.zh.md"} | {original(name): name for name in PAGES if name.startswith("docs/zh/")}
# Extracts: what they show is their English page's, which shows more.
EXTRACTS = {"docs/zh/callers/blocks.md"}
# What a comment of a block begins with.
COMMENTS = {"toml": "#", "sh": "#", "yaml": "#", "python": "#"}


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield language and text of each block, without what is translated in it: comments, and plain text."""
    for token in fences(text):
        mark = COMMENTS.get(token.info)
        block = re.sub(rf"(^|\s)\s*{mark} .*$", r"\1", token.content, flags=re.MULTILINE) if mark else token.content
        yield token.info, "" if token.info in ("text", "mermaid") else block.strip()


def figures(text: str) -> set[str]:
    """Return the numbers of a text's words: not those of its blocks, code marks and links, nor of a month (11 月)."""
    return set(re.findall(r"\d+(?:[.,:]\d+)*", re.sub(r"`[^`\n]+`|\]\([^)]*\)|\d+ 月", "", prose(text))))


@pytest.mark.parametrize(("english", "chinese"), PAIRS.items(), ids=PAIRS.values())
def test_both_languages_show_the_same_blocks_names_and_figures(english: str, chinese: str) -> None:
    assert ROOT.joinpath(english).is_file(), "there is no such page in English"
    if chinese in EXTRACTS:
        assert set(blocks(PAGES[chinese])) <= set(blocks(PAGES[english]))
    else:
        assert list(blocks(PAGES[chinese])) == list(blocks(PAGES[english]))
        assert set(spans(PAGES[chinese])) == set(spans(PAGES[english]))
        assert figures(PAGES[chinese]) == figures(PAGES[english])


def test_both_languages_quote_the_same_words_of_the_log() -> None:
    pages = (" ".join(prose(PAGES[name]).split()) for name in ("docs/runbook.md", "docs/zh/runbook.md"))
    english, chinese = (set(re.findall(r'"[^"]+"', re.sub(r"`[^`]+`", "", page))) for page in pages)
    assert '"no such caller"' in english
    assert chinese == english


@pytest.mark.parametrize("chinese", PAIRS.values())
def test_no_paragraph_was_left_in_english(chinese: str) -> None:
    for part in re.split(r"\n{2,}", prose(PAGES[chinese])):
        words = re.sub(r"`[^`\n]+`|\]\([^)]+\)", "", part)
        if len(words) > 60:
            assert re.search(r"[\u4e00-\u9fff]", words), part


def test_the_front_pages_lead_to_each_other() -> None:
    assert "README.zh.md" in links(PAGES["README.md"])
    assert "README.md" in links(PAGES["README.zh.md"])
