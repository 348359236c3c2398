"""All documents: links, navigation, blocks, commands and names; what a page's own test runs is not run again here."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from local.command_line import FUNCTIONS
from shared.callers.file import load_callers
from shared.problems import ConfigurationError, problem_types
from shared.settings import Settings
from tests.contract.documents import (
    ROOT,
    blocks,
    definitions,
    fences,
    headings,
    links,
    prose,
    read,
    spans,
    tables,
    tokens,
)

FRONT = "docs/README.md"
PAGES = {
    name: read(name)
    for name in sorted(
        [
            *("README.md", "README.zh.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"),
            *(str(path.relative_to(ROOT)) for path in ROOT.joinpath("docs").rglob("*.md")),
        ]
    )
}
SOURCES = ("shared", "functions", "local", "events", "docs/watching")
ROOT_FILES = ("s.yaml", "Makefile", "pyproject.toml")
# What cannot be run here: an account, a network or a hand is needed. Their form is bash's, and what else the pages' own
# tests know of them.
NOT_RUN = {"aliyun", "s", "npm", "npx", "ossutil", "detect-secrets"}
# Words of the shell.
SHELL = {"export", "for", "done", "filled()", "-e", "cp", "chmod", "read"}
CURL_OPTIONS = {"-sS", "-i", "-G", "-H", "-d", "--data", "--data-binary", "--data-urlencode"}
STATUSES = {kind.code: kind.status for kind in problem_types()}
# Names in code marks that are the vendors', not ours.
VENDORS = {"url_verification", "to_string", "acs_fc", "doc_value"}
# Variables that pages name for the shells and tools of their readers.
SHELLS = {
    "SSL_CERT_FILE",
    "PIP_INDEX_URL",
    "PIP_NO_CACHE_DIR",
    "STS_ENDPOINT",
    "RAM_ENDPOINT",
    "MUTE_CALL_TOKEN_PREVIOUS",
}
# A heading of Keep a Changelog.
UNRELEASED = "[Unreleased]"
# How a block of each language is read; None where the page's own test applies, queries or prints it.
LANGUAGES: dict[str, Callable[[str], object] | None] = {
    "json": json.loads,
    "python": ast.parse,
    # Its events: an alias may be of the file that the block goes into.
    "yaml": lambda text: list(yaml.parse(text)),
    "xml": ET.fromstring,
    **dict.fromkeys(("console", "sh", "toml", "diff", "text", "sql")),
}
_NAME = re.compile(r"(?<![\w./-])(?:[a-z]+(?:_[a-z0-9]+)+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w./-])")
_TRACKING = re.compile(r"[?&](utm_\w+|ref|spm|source|from|gclid)=")


def commands(text: str) -> Iterator[str]:
    """Yield every command of a page: the lines of its sh blocks, the first line of its console blocks, and spans."""
    for block in blocks(text, "sh"):
        yield from (line for line in block.splitlines() if line.strip())
    for block in blocks(text, "console"):
        yield block.partition("\n")[0].removeprefix("$ ")
    yield from (span for span in spans(text) if re.match(r"(?:make|python -m) \S", span))


@functools.cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


@functools.cache
def help_of(module: str) -> str:
    """Return what a module prints for `--help`, nothing where it has none."""
    done = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.joinpath("__init__.py").is_file()


def wrong_commands(text: str) -> Iterator[str]:
    script = "\n".join(blocks(text, "sh"))
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)  # noqa: S607 - the Makefile's shell
    if done.returncode:
        yield f"bash does not read: {done.stderr.strip()}"
    for command in commands(text):
        yield from wrong_command(command)


def wrong_command(command: str) -> Iterator[str]:
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        # Of more than one line: bash has read it.
        words = command.split()
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    match words:
        case ["make", *options]:
            named = [word for word in options if "=" not in word]
            yield from (f"make has no target {name}" for name in named if name not in targets())
            given = [word.partition("=")[0] for word in options if "=" in word]
            yield from (f"{name} is no variable of make" for name in given if f"$({name})" not in read("Makefile"))
        case ["python", "-m", module, *options]:
            yield from wrong_module(module, options)
        case ["curl", *options]:
            known = CURL_OPTIONS
            yield from (
                f"curl {word} is not used here"
                for word in options
                if re.match(r"--?[a-zA-Z]", word) and word not in known
            )
        case [tool, *_]:
            if tool not in NOT_RUN | SHELL:
                yield f"nobody knows {tool}"
    for word in words:
        path = word.removeprefix("@")
        if re.fullmatch(r"(?:events|docs|functions|local)/[\w./-]+\.\w+", path) and not ROOT.joinpath(path).is_file():
            yield f"no such file: {path}"


def wrong_module(module: str, options: Iterable[str]) -> Iterator[str]:
    if not module.startswith(("local.", "shared.")):
        return
    if not is_module(module):
        yield f"no such module: {module}"
        return
    shown = help_of(module)
    for option in options:
        name = option.partition("=")[0]
        if name.startswith("--") and not re.search(rf"{re.escape(name)}\b", shown):
            yield f"{module} has no option {name}"


def wrong_links(name: str, text: str, others: Mapping[str, str]) -> Iterator[str]:
    for target in links(text):
        if "://" in target or target.startswith("mailto:"):
            if re.fullmatch(r"http://127\.0\.0\.1:\d+/\S*", target):
                continue
            if not re.fullmatch(r"https://[\w.-]+(/[^\s]*)?", target) or _TRACKING.search(target):
                yield f"no plain https address: {target}"
            continue
        path, _, fragment = target.partition("#")
        file = os.path.normpath(Path(name).parent / path) if path else name
        if not ROOT.joinpath(file).exists():
            yield f"no such file: {target}"
        elif fragment and fragment not in headings(others.get(file, "")):
            yield f"no such heading: {target}"


def wrong_markup(text: str) -> Iterator[str]:
    """Yield what code hosts render otherwise than it is checked here, or not at all."""
    yield from (f"a link by reference: {name}" for name in definitions(text))
    for before, token in pairwise(tokens(text)):
        if token.type in {"html_block", "html_inline"}:
            # Comments, which nobody sees, tell `make bench` where its figures go.
            if not re.fullmatch(r"<!-- [\w ]+ -->", token.content.strip()):
                yield f"raw HTML: {token.content.strip()}"
        elif token.type == "text" and before.markup != "autolink":
            # A link by reference that nobody defines is no link: it stands there in its brackets.
            brackets = re.findall(r"\[[^\]]*\]", token.content)
            yield from (f"a link to nowhere: {found}" for found in brackets if found != UNRELEASED)
            yield from (f"a bare address: {found}" for found in re.findall(r"(?:https?://|www\.)\S+", token.content))


def wrong_blocks(text: str, folder: Path) -> Iterator[str]:
    for token in fences(text):
        if token.info not in LANGUAGES:
            yield f"a block of language {token.info!r}"
        elif parse := LANGUAGES[token.info]:
            try:
                parse(token.content)
            except (ValueError, SyntaxError, yaml.YAMLError):
                yield f"a {token.info} block is none"
    for number, block in enumerate(blocks(text, "toml"), start=1):
        path = folder / "callers.toml"
        path.write_text(block, encoding="utf-8")
        try:
            load_callers(path)
        except ConfigurationError as error:
            yield f"toml block {number}: {error.reason}"


@functools.cache
def words_of_the_sources() -> frozenset[str]:
    files = [path for folder in SOURCES for path in ROOT.joinpath(folder).rglob("*") if path.suffix in _TEXTS]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files if path.name != Path(__file__).name)
    return frozenset(re.findall(r"\w+", text + "\n".join(map(read, ROOT_FILES))))


_TEXTS = {".py", ".toml", ".json", ".js", ".html"}


def own_words(text: str) -> set[str]:
    """Return the words of a page's own blocks: what they define may be named."""
    return {word for token in fences(text) for word in re.findall(r"\w+", token.content)}


def wrong_names(text: str) -> Iterator[str]:
    variables = {name.upper() for name in Settings.model_fields}
    known = words_of_the_sources() | own_words(text) | variables | VENDORS | SHELLS
    for span in spans(text):
        yield from wrong_path(span, text)
        words = [] if "::" in span else _NAME.findall(span)
        yield from (f"{word} is nothing of the sources" for word in words if word not in known)
    for code, status in told_statuses(text):
        if STATUSES.get(code, status) != status:
            yield f"{code} is not {status}"
    for word in re.findall(r"--function `?(\w+)", text):
        if word not in FUNCTIONS and word not in own_words(text):
            yield f"no such function: {word}"


def told_statuses(text: str) -> Iterator[tuple[str, int]]:
    """Yield every code with the status that stands before it, if only one does, or behind it."""
    flat = " ".join(prose(text).split())
    few_words = r"(?:[a-z]+ ){0,3}"
    for status, code in re.findall(rf"(?<!\d and )\b([2345]\d\d) {few_words}`([a-z_]+)`", flat):
        yield code, int(status)
    for code, status in re.findall(r"`([a-z_]+)`(?: \| | \(| is | has | with )(?:HTTP )?([2345]\d\d)\b", flat):
        yield code, int(status)


@functools.cache
def names_in(path: Path) -> frozenset[str]:
    """Return what a module defines or imports at its top, and its classes' and functions' names."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    defined = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assigned = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imported = {
        alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return frozenset(defined | assigned | imported)


def is_name(span: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    dotted, _, behind = span.partition(":")
    module, names = dotted, [behind] if behind else []
    if not is_module(module):
        module, _, name = dotted.rpartition(".")
        names.append(name)
    if not is_module(module):
        return False
    path = ROOT.joinpath(*module.split("."))
    return set(names) <= names_in(
        path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
    )


def wrong_path(span: str, text: str) -> Iterator[str]:
    """Yield what is wrong with a module, file or test in code marks; what a page's own commands make may be named."""
    if re.fullmatch(r"(?:shared|local|functions|tests)(?:\.\w+)+(?::\w+)?", span):
        if not is_name(span):
            yield f"no such module: {span}"
    elif re.fullmatch(r"tests/[\w./-]+\.py::\w+", span):
        file, _, test = span.partition("::")
        if not ROOT.joinpath(file).is_file() or test not in names_in(ROOT / file):
            yield f"no such test: {span}"
    elif re.fullmatch(r"(?:shared|local|functions|tests|events|docs|requirements)/[\w./-]*", span):
        is_made = str(Path(span).parent) in "".join(blocks(text, "sh"))
        if not is_made and not ROOT.joinpath(span).exists():
            yield f"no such file: {span}"


def faults(name: str, text: str, folder: Path) -> list[str]:
    """Return what is wrong with a page, whichever it is."""
    return [
        *wrong_links(name, text, PAGES | {name: text}),
        *wrong_markup(text),
        *wrong_blocks(text, folder),
        *wrong_commands(text),
        *wrong_names(text),
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_free_of_faults(name: str, tmp_path: Path) -> None:
    assert faults(name, PAGES[name], tmp_path) == []


def added(paragraph: str, expected: str) -> tuple[str, str, str]:
    """Return the rest of a mutation that adds a paragraph to the page of concepts."""
    return "# Concepts\n", f"# Concepts\n\n{paragraph}\n", expected


MUTATIONS = [
    (
        "README.md",
        "(docs/contract.md#payload)",
        "(docs/contracts.md#payload)",
        "no such file: docs/contracts.md#payload",
    ),
    ("README.md", "(docs/contract.md#payload)", "(docs/contract.md#load)", "no such heading: docs/contract.md#load"),
    ("README.md", "(https://www.alibabacloud.com/help/en/ccs/)", "(http://a.example/)", "no plain https address: http"),
    ("README.md", "/help/en/ccs/)", "/help/en/ccs/?spm=a2c63)", "no plain https address: https"),
    ("README.md", "```toml", "```", "a block of language ''"),
    ("README.md", "`make bench`", "`make branch`", "make has no target branch"),
    (
        "README.md",
        "local.explain events/refused.json",
        "local.explain events/refuse.json",
        "no such file: events/refuse.json",
    ),
    (
        "README.md",
        "python -m local.smoke --url",
        "python -m local.smoke --address",
        "local.smoke has no option --address",
    ),
    ("README.md", "python -m local.doctor`", "python -m local.dentist`", "no such module: local.dentist"),
    ("README.md", 'scheme = "ram"', 'scheme = "rom"', "toml block 1: callers file: callers.ivr.auth"),
    ("README.md", "--function unmute_call", "--function mute_call_2", "no such function: mute_call_2"),
    ("README.md", "`DEADLINE_MS`", "`DEADLINE_DAYS`", "DEADLINE_DAYS is nothing of the sources"),
    ("README.md", "`job_not_found`", "`job_not_there`", "job_not_there is nothing of the sources"),
    ("README.md", "`shared/clients/transport.py`", "`shared/transports.py`", "no such file: shared/transports.py"),
    ("docs/contract.md", '"retryable": false,\n', '"retryable": no,\n', "a json block is none"),
    ("docs/contract.md", "409 `in_progress`", "408 `in_progress`", "in_progress is not 408"),
    (
        "docs/deploy.md",
        "make deploy RESOURCE=unmute_call",
        "make deploy SOURCE=unmute_call",
        "SOURCE is no variable of make",
    ),
    ("docs/deploy.md", "\nmake deploy RESOURCE=domain\n", "\nmake deploy 'domain\n", "bash does not read"),
    ("docs/callers/curl.md", "curl -sS -G", "curl -sS --get", "curl --get is not used here"),
    ("docs/deploy.md", "aliyun ram CreateRole", "aliyn ram CreateRole", "nobody knows aliyn"),
    ("docs/watching.md", "--no-traffic mute", "--no-trafic mute", "local.watching has no option --no-trafic"),
    ("docs/adding-a-function.md", "from __future__ import annotations", "from __future__ import", "a python block is"),
    ("docs/adding-a-function.md", "component: fc3", "component: fc3: 3", "a yaml block is none"),
    ("docs/callers/twilio-studio.md", "</Dial>", "</Dail>", "a xml block is none"),
    ("docs/concepts.md", *added('[here](gone.md "A title")', "no such file: gone.md")),
    ("docs/concepts.md", *added("[the [one] `of` all](gone.md)", "no such file: gone.md")),
    ("docs/concepts.md", *added("![](gone.png)", "no such file: gone.png")),
    ("docs/concepts.md", *added("<https://a.example/?utm_source=b>", "no plain https address: https://a.example/?utm")),
    ("docs/concepts.md", *added("<http://a.example/>", "no plain https address: http://a.example/")),
    ("docs/concepts.md", *added("see https://a.example/", "a bare address: https://a.example/")),
    ("docs/concepts.md", *added("[here][gone]", "a link to nowhere: [here]")),
    ("docs/concepts.md", *added("[gone]", "a link to nowhere: [gone]")),
    ("docs/concepts.md", *added("[here][there]\n\n[there]: gone.md", "a link by reference: THERE")),
    ("docs/concepts.md", *added("[there]: gone.md", "a link by reference: THERE")),
    ("docs/concepts.md", *added('<a href="gone.md">here</a>', 'raw HTML: <a href="gone.md">')),
    ("docs/concepts.md", *added('<img src="gone.png">', 'raw HTML: <img src="gone.png">')),
    ("docs/concepts.md", *added("~~~http\nGET /\n~~~", "a block of language 'http'")),
    ("docs/concepts.md", *added("    GET /", "a block of language ''")),
    ("docs/concepts.md", *added("`shared.gone`", "no such module: shared.gone")),
    ("docs/concepts.md", *added("`shared.callers.file.gone`", "no such module: shared.callers.file.gone")),
    ("docs/concepts.md", *added("`functions.mute_call.index:gone`", "no such module: functions.mute_call.index:gone")),
    ("docs/concepts.md", *added("`tests/unit/gone.py::test_x`", "no such test: tests/unit/gone.py::test_x")),
    ("docs/concepts.md", *added("`tests/conftest.py::test_x`", "no such test: tests/conftest.py::test_x")),
    ("docs/concepts.md", *added("404 for `throttled`", "throttled is not 404")),
    ("docs/concepts.md", *added("`throttled` is 404", "throttled is not 404")),
    ("docs/concepts.md", *added("`throttled` (HTTP 404)", "throttled is not 404")),
]


@pytest.mark.parametrize(("name", "text", "other", "expected"), MUTATIONS, ids=[row[-1] for row in MUTATIONS])
def test_a_fault_is_found(name: str, text: str, other: str, expected: str, tmp_path: Path) -> None:
    assert text in PAGES[name]
    assert any(expected in fault for fault in faults(name, PAGES[name].replace(text, other), tmp_path))


def led_to(name: str) -> Iterator[str]:
    for target in links(PAGES[name]):
        file = os.path.normpath(Path(name).parent / target.partition("#")[0])
        if file in PAGES:
            yield file


def test_every_page_is_reached_from_the_front_page() -> None:
    reached: set[str] = set()
    waiting = [FRONT]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [other for other in led_to(name) if other.startswith("docs/")]
    reached |= {other for name in reached for other in led_to(name)}
    assert set(PAGES) - reached == set()


def order() -> list[tuple[str, str]]:
    """Return title and file of the pages in the front page's table."""
    return [
        (title, target)
        for row in tables(PAGES[FRONT])["page"]
        for title, target in re.findall(r"\[(.+)\]\((.+)\)", row[0])
    ]


def navigation(name: str) -> str:
    """Return the first line that a page has to have."""
    here = Path(name).parent
    pages = [(title, str(Path("docs") / target)) for title, target in order()]
    place = [file for _, file in pages].index(name)

    def link(title: str, file: str) -> str:
        return f"[{title}]({os.path.relpath(file, here)})"

    parts = [link("Documentation", FRONT)]
    parts += [f"previous: {link(*pages[place - 1])}"] if place else []
    parts += [f"next: {link(*pages[place + 1])}"] if place + 1 < len(pages) else []
    return " · ".join(parts)


def test_every_page_of_the_table_leads_to_the_front_page_and_to_its_neighbours() -> None:
    pages = [str(Path("docs") / target) for _, target in order()]
    assert {name: PAGES[name].partition("\n")[0] for name in pages} == {name: navigation(name) for name in pages}


def test_every_other_page_of_the_site_leads_to_the_front_page() -> None:
    for name, text in PAGES.items():
        if name.startswith("docs/") and name != FRONT:
            assert text.startswith(f"[Documentation]({os.path.relpath(FRONT, Path(name).parent)})"), name


def test_every_page_of_the_table_has_one_title_and_begins_with_what_it_is_for() -> None:
    for _, target in order():
        text = PAGES[str(Path("docs") / target)]
        assert len(re.findall(r"^# ", prose(text), re.MULTILINE)) == 1, target
        assert re.match(r"\[.*\n\n# .+\n\n\w", text), target


def test_no_page_names_a_machine_or_an_index_of_packages() -> None:
    private = re.compile(r"/(?:work|home|root|Users)/|pypi\.|registry\.npm")
    assert {name: found for name, text in PAGES.items() if (found := private.findall(text))} == {}
