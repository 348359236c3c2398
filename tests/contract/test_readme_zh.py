"""README.zh.md says what README.md says: the same sections, blocks, names and links, section by section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

import pytest

from tests.contract.documents import headings, links, prose, read

ENGLISH, CHINESE = read("README.md"), read("README.zh.md")
HEADINGS = {
    "mute-call": "mute-call",
    "What you have to know first": "使用前须知",
    "Try it": "快速体验",
    "Console": "控制台",
    "Request": "请求",
    "Answer": "响应",
    "Unmute": "取消静音",
    "Callers": "调用方",
    "Idempotency": "幂等",
    "Try a sender": "模拟发送方",
    "Dead letters": "死信",
    "Configuration": "配置",
    "Doctor": "诊断",
    "Deploy": "部署",
    "Design": "设计",
}
# The vendor's own pages are there in both languages.
HELP = {
    "https://www.alibabacloud.com/help/en/functioncompute/": "https://help.aliyun.com/zh/functioncompute/",
    "https://www.alibabacloud.com/help/en/ccs/": "https://help.aliyun.com/zh/ccs/",
}
# Each leads to the other.
OTHERS = {"README.zh.md", "README.md"}
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    """Return the sections by their headings; a line that begins with # in a block is none."""
    lines, found, inside = text.splitlines(keepends=True), dict[str, str](), False
    name = ""
    for line in lines:
        inside ^= line.startswith("```")
        if not inside and (heading := re.match(r"#+ (.+)\n", line)):
            name = heading[1]
            found[name] = ""
        else:
            found[name] += line
    return found


def code(text: str) -> Iterator[str]:
    """Yield the blocks, without what is translated in them: comments, and the words beside a tree of folders."""
    for language, block in _BLOCK.findall(text):
        shown = re.sub(r"  +#.*$", "", block, flags=re.MULTILINE) if language == "toml" else block
        yield re.sub(r"^(\S+) .*$", r"\1", shown, flags=re.MULTILINE) if language == "text" else shown


def spans(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", prose(text).replace("\n", " ")))


def targets(text: str, translated: dict[str, str]) -> list[str]:
    """Return where the links lead, those with a translation by that."""
    found = [target for target in links(text) if target not in OTHERS]
    return sorted(translated.get(target, target) for target in found)


def shape(text: str) -> list[str]:
    """Return what each paragraph begins with: a number, a star, a picture, or nothing."""
    parts = re.split(r"\n{2,}|\n(?=(?:\*|\d+\.) )", prose(text).strip())
    return [mark[0] if (mark := re.match(r"\*(?= )|\d+\.|!\[", part)) else "" for part in parts if part.strip()]


PAIRS = [
    pytest.param(english, chinese, id=heading or "end")
    for (heading, english), chinese in zip_longest(
        sections(ENGLISH).items(), sections(CHINESE).values(), fillvalue=("", "")
    )
]


def test_the_headings_are_the_same_in_the_same_order() -> None:
    assert list(sections(ENGLISH)) == list(HEADINGS)
    assert list(sections(CHINESE)) == list(HEADINGS.values())


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_a_section_has_the_same_blocks_names_links_and_paragraphs(english: str, chinese: str) -> None:
    assert list(code(chinese)) == list(code(english))
    assert spans(chinese) == spans(english)
    assert targets(chinese, {}) == targets(english, anchors() | HELP)
    assert shape(chinese) == shape(english)


def anchors() -> dict[str, str]:
    """Return the translated fragment of every fragment of the English page."""
    pairs = ((headings(f"# {english}").pop(), headings(f"# {chinese}").pop()) for english, chinese in HEADINGS.items())
    return {f"#{english}": f"#{chinese}" for english, chinese in pairs}


def test_each_leads_to_the_other() -> None:
    assert "README.zh.md" in links(ENGLISH)
    assert "README.md" in links(CHINESE)


def test_the_documentation_is_said_to_be_in_english() -> None:
    assert "[文档（英文）](docs/README.md)" in CHINESE  # noqa: RUF001 - Chinese parentheses


def test_no_paragraph_was_left_in_english() -> None:
    for part in re.split(r"\n{2,}", prose(CHINESE)):
        words = re.sub(r"`[^`\n]+`|\]\([^)]+\)", "", part)
        if len(words) > 60:
            assert re.search(r"[\u4e00-\u9fff]", words), part
