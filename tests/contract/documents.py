"""Reading Markdown: links, fenced blocks, code marks, headings and tables, as a parser of CommonMark sees them."""

from __future__ import annotations

import functools
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent.parent
_PARSER = MarkdownIt("commonmark").enable("table")
_TARGETS = {"link_open": "href", "image": "src"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@functools.lru_cache(maxsize=256)
def tokens(text: str) -> tuple[Token, ...]:
    """Return what a text consists of, what stands within a line behind the line."""
    return tuple(found for token in _PARSER.parse(text) for found in (token, *_within(token)))


def _within(token: Token) -> Iterator[Token]:
    for child in token.children or ():
        yield child
        yield from _within(child)


def definitions(text: str) -> list[str]:
    """Return the names of reference links that a text defines."""
    env: dict[str, dict[str, object]] = {}
    _PARSER.parse(text, env)
    return list(env.get("references", {}))


def blocks(text: str, *languages: str) -> list[str]:
    """Return the fenced blocks of some languages, without the indentation of the list that they may stand in."""
    return [token.content for token in fences(text) if token.info in languages]


def fences(text: str) -> list[Token]:
    """Return all blocks of code; one that is indented and not fenced has no language."""
    return [token for token in tokens(text) if token.type in {"fence", "code_block"}]


def spans(text: str) -> list[str]:
    """Return what stands in code marks within lines."""
    return [token.content for token in tokens(text) if token.type == "code_inline"]


def tables(text: str) -> dict[str, list[list[str]]]:
    """Return the rows of each table, by the heading of its first column."""
    return {rows[0][0]: rows[2:] for rows in whole_tables(text)}


def whole_tables(text: str) -> list[list[list[str]]]:
    """Return all tables with their heads, the code marks around a whole cell removed."""
    found: list[list[list[str]]] = []
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip().strip("`") for cell in line.strip("|").split(" | ")])
        elif rows:
            found.append(rows)
            rows = []
    return found


def shell(text: str) -> list[list[str]]:
    """Return the words of every line of the sh blocks."""
    return [shlex.split(line, comments=True) for block in blocks(text, "sh") for line in block.splitlines()]


def links(text: str) -> list[str]:
    """Return the targets of all links, images and addresses in angle brackets, as they stand there."""
    # The parser gives them as a browser would send them.
    return [unquote(str(token.attrs[_TARGETS[token.type]])) for token in tokens(text) if token.type in _TARGETS]


def prose(text: str) -> str:
    """Return a text without its blocks of code."""
    lines = text.splitlines(keepends=True)
    for token in fences(text):
        start, end = token.map or (0, 0)
        lines[start:end] = [""] * (end - start)
    return "".join(lines)


def headings(text: str) -> set[str]:
    """Return the fragments that a text's headings give, as code hosts make them."""
    found, seen = set(), Counter[str]()
    for opening, inline in zip(tokens(text), tokens(text)[1:], strict=False):
        if opening.type == "heading_open":
            title = "".join(child.content for child in inline.children or ())
            name = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
            found.add(f"{name}-{seen[name]}" if seen[name] else name)
            seen[name] += 1
    return found
