"""docs/runbook.md: an entry for every code, and nothing in it that the code does not have."""

from __future__ import annotations

import ast
import builtins
import re
import shlex
from collections.abc import Iterator
from itertools import chain, product
from pathlib import Path

import pytest
import redis.exceptions
import urllib3.exceptions
import yaml

from functions.mute_call.index import MUTE_CALL
from shared.clients import deadline as bounded
from shared.invocation import Invocation
from shared.observability import log
from shared.payload.parameters import CallParameters
from shared.problems import InternalError, Problem, problem_types
from shared.settings import Settings
from tests.contract.documents import ROOT, blocks, local_links, read

NAME = "docs/runbook.md"
RUNBOOK = read(NAME)
KINDS = {kind.code: kind for kind in problem_types()}
# Blocks in a list are indented.
FLAT = re.sub(r"^ +", "", RUNBOOK, flags=re.MULTILINE)
PROSE = re.sub(r"^```.*?^```$", "", FLAT, flags=re.MULTILINE | re.DOTALL)
SPANS = re.findall(r"`([^`]+)`", PROSE)
REASONS = [" ".join(text.split()) for text in re.findall(r'"([^"]+)"', re.sub(r"`[^`]*`", "", PROSE))]
LINE = log.webhook_line(Invocation(MUTE_CALL, None, cold_start=True), InternalError("a defect"), 500, 0)
OPTIONS = {
    "logs": {"--search", "--request-id", "--start-time", "--end-time", "--tail"},
    "invoke": {"--event"},
    "info": set[str](),
}


# In the order of the checks: without parameters, no call is known.
BEFORE_THE_PARAMETERS = {
    *("malformed_request", "unauthorized", "forbidden", "method_not_allowed", "payload_too_large"),
    *("unsupported_media_type", "invalid_parameters", "configuration_error"),
}


def sections() -> list[tuple[str, str]]:
    """Return heading and text of every entry for a code."""
    found = re.split(r"^### `(.*)`$", FLAT, flags=re.MULTILINE)[1:]
    texts = (re.split(r"^## ", text, maxsplit=1, flags=re.MULTILINE)[0] for text in found[1::2])
    return list(zip(found[::2], texts, strict=True))


def fragments(text: str) -> set[str]:
    """Return the fragments that a text's headings give; those of codes keep their underscores."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def commands(tool: str) -> list[list[str]]:
    """Return the words of every command of a tool, whether in a block or in a line."""
    lines = chain.from_iterable(block.splitlines() for block in blocks(FLAT, "sh"))
    return [shlex.split(line) for line in chain(lines, SPANS) if line.startswith(f"{tool} ")]


def texts_of(node: ast.AST) -> list[str]:
    """Return the texts that a literal can be, `…` in the place of values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(parts) for parts in product(*map(_parts, node.values))]
    return []


def _parts(node: ast.expr) -> list[str]:
    value = node.value if isinstance(node, ast.FormattedValue) else node
    if isinstance(value, ast.IfExp):
        return [*texts_of(value.body), *texts_of(value.orelse)]
    return texts_of(value) or ["…"]


def nodes() -> Iterator[ast.AST]:
    for path in Path(ROOT, "shared").rglob("*.py"):
        # Its problems leave no line.
        if path.parent.name != "server" or path.name == "wsgi.py":
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


TEXTS = {text for node in nodes() for text in texts_of(node)}
# What stands before a rule: the parameter, or what a caller's expression is for.
FIELDS = {*CallParameters.model_fields, "payload", "event_time", "idempotency_key", "…"}


def is_in_the_code(reason: str) -> bool:
    """Whether a reason is a text of the sources, a field and such a text, or one of them behind another one's end."""
    field, _, rule = reason.partition(" ")
    if reason in TEXTS or (field in FIELDS and rule in TEXTS):
        return True
    ends = [text[:-1] for text in TEXTS if re.search(r"\w.* …$", text)]
    return any(reason.startswith(end) and is_in_the_code(reason[len(end) :]) for end in ends)


def raised() -> set[str]:
    """Return the reasons that a problem is raised with by name, as far as they are literals."""
    names = {kind.__name__ for kind in problem_types()} - {"InvalidParameters"}
    calls = (node for node in nodes() if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    found = {text for call in calls if call.func.id in names and call.args for text in texts_of(call.args[0])}  # type: ignore[attr-defined] # a Name
    # Told in words: a place in the callers file, and what is wrong with it.
    return {text for text in found if not text.startswith("callers file")} - {"callers.….auth.secrets: …"}


def test_every_code_has_one_entry() -> None:
    assert sorted(code for code, _ in sections()) == sorted(KINDS)


@pytest.mark.parametrize(("code", "text"), sections(), ids=[code for code, _ in sections()])
def test_an_entry_says_what_its_class_says_and_how_to_find_its_requests(code: str, text: str) -> None:
    kind: type[Problem] = KINDS[code]
    told = re.search(r"\A\n*HTTP (\d{3}), retryable: (yes|no)\. \S", text)
    assert told, "its first line"
    assert told.groups() == (str(kind.status), "yes" if kind.retryable else "no")
    assert blocks(text, "sh") == [f"s mute_call logs --search {code}\n"]
    (query,) = blocks(text, "sql")
    assert query.startswith(f"{code} | select ")
    assert query.endswith(f"where try(json_extract_scalar(message, '$.code')) = '{code}'\n")
    # Of a call that is known, the line tells which.
    assert ("job_id" in query) == (code == "forbidden" or code not in BEFORE_THE_PARAMETERS)
    assert "\n**Affected:** " in text
    assert "\n1. " in text
    again = re.search(r"^\*\*Send again:\*\* (yes)?", text, re.MULTILINE)
    assert again, "whether the sender may send again"
    assert bool(again[1]) == kind.retryable


def test_every_reason_quoted_is_in_the_code() -> None:
    assert len(REASONS) > 50
    assert [reason for reason in REASONS if not is_in_the_code(reason)] == []


def test_every_reason_of_the_code_is_quoted() -> None:
    assert len(raised()) > 30
    assert raised() - set(REASONS) == set()


def test_every_cause_named_exists() -> None:
    modules = (builtins, bounded, redis.exceptions, urllib3.exceptions)
    named = {span for span in SPANS if re.fullmatch(r"[A-Z]\w+Error", span)}
    assert {"ReadTimeoutError", "OverdueError"} <= named
    assert [name for name in named if not any(hasattr(module, name) for module in modules)] == []


def test_every_field_of_the_log_line_exists() -> None:
    rows = re.findall(r"^\| (`.*?) \| ", FLAT.split("### The log line")[1].split("###")[0], re.MULTILINE)
    listed = re.findall(r"`(\w+)`", " ".join(rows))
    assert len(listed) == len(set(listed)) >= 10
    assert set(listed) <= LINE.keys()
    queries = blocks(FLAT, "sql")
    extracted = re.findall(r"'\$\.(\w+)'\)\)(?: as (\w+))?", "".join(queries))
    assert {name for name, _ in extracted} <= LINE.keys()
    assert [pair for pair in extracted if pair[1] not in ("", pair[0])] == []
    assert [query for query in queries if query.count("(") != query.count(")") or query.count("'") % 2] == []


def test_the_line_of_initialize_has_the_fields_that_are_listed() -> None:
    section = FLAT.split("## The line of initialize")[1].partition("```")[0]
    fields = re.search(r"Its fields\s+are (.*?)\.", section, re.DOTALL)
    assert fields
    listed = re.findall(r"`([a-z_]+)`", fields[1])
    assert listed == list(log.initialize_line(MUTE_CALL, None, ["a fault"], 0))


def test_the_line_of_a_dead_letter_has_the_fields_that_are_listed() -> None:
    section = FLAT.split("## The line of a dead letter")[1].partition("```")[0]
    fields = re.search(r"Its fields\s+are (.*?)\. \*\*", section, re.DOTALL)
    assert fields
    listed = re.findall(r"`([a-z_]+)`", fields[1])
    invocation = Invocation(MUTE_CALL, None, cold_start=True)
    assert listed == list(log.dead_letter_line(invocation, InternalError("a defect"), "no time was left", 0))


def test_every_reason_of_a_dead_letter_is_quoted() -> None:
    section = " ".join(FLAT.split("## The line of a dead letter")[1].partition("\n## ")[0].split())
    kept = [ROOT / "shared" / name for name in ("dead_letters.py", "clients/oss.py")]
    nodes = [node for path in kept for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    returned = [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]
    raised = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "DeadLetterError"
    ]
    reasons = {text for node in (*returned, *raised) for text in texts_of(node) if " " in text}
    assert len(reasons) > 4
    assert [reason for reason in reasons if f'"{reason}"' not in section] == []


def test_every_variable_named_exists() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"SSL_CERT_FILE"}
    named = {span for span in SPANS if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", span)}
    assert named
    assert named <= known


def test_every_command_of_the_deployment_tool_is_well_formed() -> None:
    resources = yaml.safe_load(read("s.yaml"))["resources"]
    found = commands("s")
    assert len(found) > len(KINDS)
    for _, resource, verb, *options in found:
        words = [resource, verb, *options]
        # Without one the tool goes through all of them, and stops at the first that is not deployed.
        assert resource in resources, words
        assert verb in OPTIONS, words
        while options:
            option = options.pop(0)
            assert option in OPTIONS[verb], words
            if option != "--tail":
                assert options, words
                assert not options.pop(0).startswith("-"), words


def test_every_curl_is_well_formed() -> None:
    found = commands("curl")
    assert found
    for _, *words in found:
        options = [word for word in words if word.startswith("-")]
        (url,) = [word for word in words if not word.startswith("-")]
        assert set(options) <= {"-sS", "-i"}, words
        assert re.fullmatch(r"\$URL/[\w./-]*", url), words


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert {span.split()[1] for span in SPANS if span.startswith("make ")} <= targets


def test_links_lead_somewhere() -> None:
    folder = (ROOT / NAME).parent
    assert [target for target in local_links(RUNBOOK) if not (folder / target).is_file()] == []
    for path, fragment in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", RUNBOOK):
        text = (folder / path).read_text(encoding="utf-8") if path else RUNBOOK
        assert fragment in fragments(text), (path, fragment)


def test_lines_are_short_and_name_no_machine() -> None:
    assert [line for line in RUNBOOK.splitlines() if len(line) > 120 and not line.startswith("|")] == []
    assert re.findall(r"/(?:work|home|root|tmp|Users)/", RUNBOOK) == []
