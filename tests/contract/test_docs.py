"""Every Markdown page: links, blocks, commands, names and statuses; how it says things is its own affair."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from local.cli.command_line import FUNCTIONS
from shared.callers.file import load_callers
from shared.problems import ConfigurationError, problem_types
from shared.settings import Settings
from tests.contract.documents import ROOT, blocks, definitions, fences, headings, links, prose, read, spans, tokens

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
}
SOURCES = ("shared", "functions", "local", "events", "docs/watching", "s.yaml", "Makefile", "pyproject.toml")
SOURCE_SUFFIXES = {".py", ".toml", ".json", ".js", ".html", ".yaml", ""}
# What a page may call beside our own commands; nothing more is known of their options.
TOOLS = {"aliyun", "s", "npm", "npx", "ossutil", "detect-secrets", "curl", "git", "cd", "pip", "apt", "sudo"}
SHELL = {"export", "for", "done", "filled()", "-e", "cp", "chmod", "read", ".", "source"}
STATUSES = {kind.code: kind.status for kind in problem_types()}
DEFAULTS = {
    name.upper(): field.default
    for name, field in Settings.model_fields.items()
    if isinstance(field.default, int) and not isinstance(field.default, bool)
}
# Names in code marks that are the vendors', and variables that pages name for the shells and tools of their readers.
VENDORS = {"url_verification", "to_string", "acs_fc", "doc_value"}
SHELLS = {
    *("SSL_CERT_FILE", "PIP_INDEX_URL", "PIP_NO_CACHE_DIR", "STS_ENDPOINT", "RAM_ENDPOINT"),
    "MUTE_CALL_TOKEN_PREVIOUS",
}
# A heading of Keep a Changelog.
UNRELEASED = "[Unreleased]"
# How a block of each language is read; None where nothing reads it, or another test runs it.
LANGUAGES: dict[str, Callable[[str], object] | None] = {
    "json": json.loads,
    "python": ast.parse,
    # Its events: an alias may be of the file that the block goes into.
    "yaml": lambda text: list(yaml.parse(text)),
    "xml": ET.fromstring,
    **dict.fromkeys(("console", "sh", "toml", "diff", "text", "sql", "http", "mermaid")),
}
NAME = re.compile(r"(?<![\w./-])(?:[a-z]+(?:_[a-z0-9]+)+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w./-])")
TRACKING = re.compile(r"[?&](utm_\w+|ref|spm|source|from|gclid)=")
PRIVATE = re.compile(r"/(?:work|home|root|Users)/|pypi\.|registry\.npm")


def faults(name: str, text: str, folder: Path) -> list[str]:
    """Return what is wrong with a page, whichever it is and in whichever language."""
    return [
        *wrong_links(name, text),
        *wrong_markup(text),
        *wrong_blocks(text, folder),
        *wrong_commands(text),
        *wrong_names(text),
        *wrong_figures(text),
        *(f"of one machine: {found}" for found in PRIVATE.findall(text)),
    ]


def wrong_links(name: str, text: str) -> Iterator[str]:
    for target in links(text):
        if "://" in target or target.startswith("mailto:"):
            if re.fullmatch(r"http://127\.0\.0\.1:\d+/\S*", target):
                continue
            if not re.fullmatch(r"https://[\w.-]+(/[^\s]*)?", target) or TRACKING.search(target):
                yield f"no plain https address: {target}"
            continue
        path, _, fragment = target.partition("#")
        file = os.path.normpath(Path(name).parent / path) if path else name
        if path and not ROOT.joinpath(file).exists():
            yield f"no such file: {target}"
        elif fragment and fragment not in headings(PAGES[file] if path else text):
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


def commands(text: str) -> Iterator[str]:
    """Yield the lines of sh blocks, the first line of console blocks, and the spans that are a command."""
    for block in blocks(text, "sh"):
        yield from (line for line in block.splitlines() if line.strip())
    for block in blocks(text, "console"):
        yield block.partition("\n")[0].removeprefix("$ ")
    yield from (span for span in spans(text) if re.match(r"(?:make|python -m) \S", span))


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
            yield from wrong_target(options)
        case ["python" | "python3", "-m", module, *options]:
            yield from wrong_module(module, options)
        case [tool, *_] if tool not in TOOLS | SHELL:
            yield f"nobody knows {tool}"
    for word in words:
        path = word.removeprefix("@")
        if re.fullmatch(r"(?:events|docs|functions|local)/[\w./-]+\.\w+", path) and not ROOT.joinpath(path).is_file():
            yield f"no such file: {path}"


def wrong_target(options: Iterable[str]) -> Iterator[str]:
    makefile = read("Makefile")
    for option in options:
        name, given, _ = option.partition("=")
        if given and f"$({name})" not in makefile:
            yield f"{name} is no variable of make"
        elif not given and not re.search(rf"^{re.escape(name)}:", makefile, re.MULTILINE):
            yield f"make has no target {name}"


def wrong_module(module: str, options: Iterable[str]) -> Iterator[str]:
    if not module.startswith(("local.", "shared.")):
        return
    if not is_module(module):
        yield f"no such module: {module}"
        return
    named = (option.partition("=")[0] for option in options)
    for name in named:
        if name.startswith("--") and not re.search(f'"(?:--)?{re.escape(name[2:])}"', source_of(module)):
            yield f"{module} has no option {name}"


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.joinpath("__init__.py").is_file()


@functools.cache
def source_of(module: str) -> str:
    """Return the text of a module or of a whole package, and of what all commands share."""
    place = ROOT.joinpath(*module.split("."))
    files = [place.with_suffix(".py"), *place.rglob("*.py")]
    files += [*ROOT.glob("local/cli/*.py"), *ROOT.glob("local/http/*.py")]
    return "".join(path.read_text(encoding="utf-8") for path in files if path.is_file())


@functools.cache
def words_of_the_sources() -> frozenset[str]:
    places = [ROOT / name for name in SOURCES]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    texts = (file.read_text(encoding="utf-8") for file in files if file.is_file() and file.suffix in SOURCE_SUFFIXES)
    return frozenset(re.findall(r"\w+", "\n".join(texts)))


def own_words(text: str) -> set[str]:
    """Return the words of a page's own blocks: what they define may be named."""
    return {word for token in fences(text) for word in re.findall(r"\w+", token.content)}


def wrong_names(text: str) -> Iterator[str]:
    variables = {name.upper() for name in Settings.model_fields}
    known = words_of_the_sources() | own_words(text) | variables | VENDORS | SHELLS
    for span in spans(text):
        yield from wrong_path(span, text)
        words = [] if "::" in span else NAME.findall(span)
        yield from (f"{word} is nothing of the sources" for word in words if word not in known)
    for word in re.findall(r"--function `?(\w+)", text):
        if word not in FUNCTIONS and word not in own_words(text):
            yield f"no such function: {word}"


def wrong_figures(text: str) -> Iterator[str]:
    """Yield every code with another status than its own, and every variable with another default."""
    flat = " ".join(prose(text).split())
    before = re.findall(r"(?<!\d and )\b([2345]\d\d) (?:[a-z]+ ){0,3}`([a-z_]+)`", flat)
    behind = re.findall(r"`([a-z_]+)`(?: \| | ?[(\uff08]| is | has | with |\u4e3a )(?:HTTP )?([2345]\d\d)\b", flat)
    for code, status in {(code, int(status)) for status, code in before} | {(code, int(s)) for code, s in behind}:
        if STATUSES.get(code, status) != status:
            yield f"{code} is not {status}"
    for name, figure in re.findall(
        r"`([A-Z_]+)`(?: ?[(\uff08]| \| `?|, | \u9ed8\u8ba4\u4e3a )(\d[\d,]*)(?![\w.])", flat
    ):
        if DEFAULTS.get(name, figure) not in (figure, int(figure.replace(",", "") or 0)):
            yield f"{name} is not {figure}"


@functools.cache
def names_in(path: Path) -> frozenset[str]:
    """Return what a module defines or imports, classes' and functions' names included."""
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
    file = path.with_suffix(".py")
    return set(names) <= names_in(file if file.is_file() else path / "__init__.py")


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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_free_of_faults(name: str, tmp_path: Path) -> None:
    assert faults(name, PAGES[name], tmp_path) == []


FAULTS = {
    "[x](../gone.md)": "no such file: ../gone.md",
    "[x](../README.md#gone)": "no such heading: ../README.md#gone",
    "[the [one] `of` all](gone.md)": "no such file: gone.md",
    "![](gone.png)": "no such file: gone.png",
    "[x](http://a.example/)": "no plain https address: http://a.example/",
    "<https://a.example/?utm_source=b>": "no plain https address: https://a.example/?utm_source=b",
    "see https://a.example/": "a bare address: https://a.example/",
    "[here][gone]": "a link to nowhere: [here]",
    "[there]: gone.md": "a link by reference: THERE",
    '<img src="gone.png">': 'raw HTML: <img src="gone.png">',
    "~~~rust\nx\n~~~": "a block of language 'rust'",
    "    GET /": "a block of language ''",
    "~~~json\n{,}\n~~~": "a json block is none",
    "~~~python\nfrom x import\n~~~": "a python block is none",
    "~~~yaml\na: b: c\n~~~": "a yaml block is none",
    "~~~toml\n[callers.x]\n~~~": "toml block 1: callers file: callers.x.auth",
    "~~~sh\nmake 'x\n~~~": "bash does not read",
    "~~~sh\naliyn ram\n~~~": "nobody knows aliyn",
    "~~~console\n$ python -m local.explain events/gone.json\n~~~": "no such file: events/gone.json",
    "`make branch`": "make has no target branch",
    "`make deploy SOURCE=x`": "SOURCE is no variable of make",
    "`python -m local.dentist`": "no such module: local.dentist",
    "`python -m local.smoke --address x`": "local.smoke has no option --address",
    "`--function mute_call_2`": "no such function: mute_call_2",
    "`DEADLINE_DAYS`": "DEADLINE_DAYS is nothing of the sources",
    "`job_not_there`": "job_not_there is nothing of the sources",
    "`shared/transports.py`": "no such file: shared/transports.py",
    "`shared.callers.file.gone`": "no such module: shared.callers.file.gone",
    "`functions.mute_call.index:gone`": "no such module: functions.mute_call.index:gone",
    "`tests/conftest.py::test_x`": "no such test: tests/conftest.py::test_x",
    "404 for `throttled`": "throttled is not 404",
    "`throttled` (HTTP 404)": "throttled is not 404",
    "`throttled`\uff08404\uff09": "throttled is not 404",
    "`DEADLINE_MS` (4501)": "DEADLINE_MS is not 4501",
    "/home/me/x": "of one machine: /home/",
}


@pytest.mark.parametrize(("paragraph", "expected"), FAULTS.items(), ids=FAULTS.values())
def test_a_fault_is_found(paragraph: str, expected: str, tmp_path: Path) -> None:
    assert [fault for fault in faults("docs/new.md", f"# New\n\n{paragraph}\n", tmp_path) if expected in fault]


def test_every_page_is_reached_from_the_front_page() -> None:
    reached: set[str] = set()
    waiting = ["README.md"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            targets = (os.path.normpath(Path(name).parent / link.partition("#")[0]) for link in links(PAGES[name]))
            waiting += [target for target in targets if target in PAGES]
    assert set(PAGES) - reached == set()
