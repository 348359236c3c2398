"""Reading Markdown: fenced blocks and tables."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return [block for kind, block in _BLOCK.findall(text) if kind == language]


def tables(text: str) -> dict[str, list[list[str]]]:
    """Return the rows of each table, by the heading of its first column, code marks removed."""
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip().strip("`") for cell in line.strip("|").split(" | ")])
        elif rows:
            found[rows[0][0]] = rows[2:]
            rows = []
    return found


def links(text: str) -> list[str]:
    """Return the targets of all links and images, as they stand there."""
    return _LINK.findall(prose(text))


def local_links(text: str) -> list[str]:
    """Return the targets of links that stay in the repository, without fragments."""
    targets = [target.partition("#")[0] for target in links(text) if "://" not in target]
    return [target for target in targets if target]


def prose(text: str) -> str:
    """Return a text without its fenced blocks."""
    return _FENCED.sub("", text)


def headings(text: str) -> set[str]:
    """Return the fragments that a text's headings give, as code hosts make them."""
    found = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}
