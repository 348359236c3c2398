"""The figures that documents name are the code's, on every page that has the phrase."""

from __future__ import annotations

import re
import secrets
from typing import Any, get_args

import pytest
from pydantic import StringConstraints, TypeAdapter

from local.audit import __main__ as audit
from local.console import deliveries
from local.doctor.installation import OLDEST
from local.gateway.settings import BUILT_IN
from local.interpreters import VERSIONS
from shared import dead_letters
from shared.callers import caller, secret_cache
from shared.callers.schemes import SCHEMES
from shared.callers.secret_references import SecretReferences
from shared.clients import idle
from shared.idempotency import memory, once
from shared.observability import redaction
from shared.payload import decode
from shared.payload.parameters import Identifier
from shared.runtime.event import MAX_BODY_BYTES
from shared.server import __main__ as server
from shared.settings import Settings
from tests.contract.documents import read
from tests.contract.test_docs import PAGES

TEXTS = {name: " ".join(text.split()) for name, text in PAGES.items()}
WORDS = {4: "four", 5: "five", 10: "ten", 100: "hundred"}
PARTS = {0.1: "a tenth", 0.25: "a quarter"}
CHINESE = {5: "五", 10: "十", 100: "一百"}
CHINESE_PARTS = {0.1: "十分之一"}
README, README_ZH, SECURITY, CONTRIBUTING = "README.md", "README.zh.md", "SECURITY.md", "CONTRIBUTING.md"
CONTRACT, DEPLOY, RELIABILITY, RUNBOOK, SENDERS = (
    f"docs/{name}.md" for name in ("contract", "deploy", "reliability", "runbook", "callers/README")
)


def seconds(value: float) -> str:
    return f"{WORDS[int(value)]} seconds"


def minutes(value: float) -> str:
    return f"{WORDS[int(value / 60)]} minutes"


LENGTHS = next(rule for rule in get_args(Identifier) if isinstance(rule, StringConstraints))
REFERENCES: dict[str, Any] = TypeAdapter(SecretReferences).json_schema()
(TOLERANCE,) = {
    scheme.model_fields["tolerance_seconds"].default
    for scheme in SCHEMES.values()
    if "tolerance_seconds" in scheme.model_fields
}
DEADLINE_MS = Settings.model_fields["deadline_ms"].default
TTL_SECONDS = Settings.model_fields["idempotency_ttl_seconds"].default
AGE_S = 600
PYTHONS = [runtime.removeprefix("python") for runtime in BUILT_IN]
SUPPORTED = f"{VERSIONS[0]} to {VERSIONS[-1]}"
# A phrase with a gap, what stands in the gap, and the pages with that phrase. Other words for the same are not seen.
FIGURES = [
    ("nesting over {} levels", decode.MAX_DEPTH, [CONTRACT]),
    ("Each has {} printable characters", f"{LENGTHS.min_length} to {LENGTHS.max_length}", [CONTRACT]),
    ("must have at most {} characters", LENGTHS.max_length, [RUNBOOK]),
    ("a string or an integer, at most {} characters", caller._MAX_KEY_CHARACTERS, [CONTRACT]),  # noqa: SLF001 - a figure
    ("**Secrets** are {} references", f"{REFERENCES['minItems']} to {REFERENCES['maxItems']}", [CONTRACT]),
    ("`tolerance_seconds` ({}) in both directions", TOLERANCE, [CONTRACT, SECURITY]),
    ("the tolerance of {} s ", TOLERANCE, ["docs/callers/signed.md"]),
    ("more than {} KiB", MAX_BODY_BYTES // 1024, [CONTRACT, RUNBOOK, SECURITY]),
    ("less than {} KiB", MAX_BODY_BYTES // 1024, [SENDERS]),
    ("`application/x-www-form-urlencoded`), at most {} KiB", MAX_BODY_BYTES // 1024, [CONTRACT]),
    # Secrets of KMS.
    ("keeps what it has read from KMS for {} at most", minutes(secret_cache.MAX_AGE_S), [CONTRACT]),
    ("instance alone, and count for {} at most", minutes(secret_cache.MAX_AGE_S), [SECURITY]),
    ("keeps it for {} at most", minutes(secret_cache.MAX_AGE_S), [DEPLOY]),
    ("once what an instance holds is {} old", minutes(secret_cache.MAX_AGE_S), [DEPLOY]),
    ("is accepted for up to {}.", minutes(secret_cache.MAX_AGE_S), [SECURITY]),
    ("two requests in {} and instance", minutes(secret_cache.FRESH_S), [DEPLOY]),
    ("at most once in {}, whoever asks", seconds(secret_cache.EVERY_S), [CONTRACT, SECURITY]),
    ("at once, at most every {}.", seconds(secret_cache.EVERY_S), [DEPLOY]),
    ("made again after {} at the earliest", seconds(secret_cache.EVERY_S), [DEPLOY]),
    ("An instance tells {} sets of credentials apart", WORDS[secret_cache.MAX_SETS], [DEPLOY]),
    ("are put off for {} at most", seconds(secret_cache.EVERY_S), [SECURITY]),
    ("Wait {} before the sender takes the new one", seconds(secret_cache.EVERY_S), [DEPLOY]),
    ("What is repaired counts after {},", seconds(secret_cache.EVERY_S), [RUNBOOK]),
    ("KMS is given {} of `DEADLINE_MS`", PARTS[secret_cache.SHARE], [DEPLOY]),
    ("answers in {} of `DEADLINE_MS`", PARTS[secret_cache.SHARE], [RUNBOOK]),
    ("where KMS is to be asked for it | {} of the whole", PARTS[secret_cache.SHARE], [RELIABILITY]),
    # The deadline and its shares.
    ("`DEADLINE_MS` ({})", DEADLINE_MS, [DEPLOY, RELIABILITY]),
    ("`DEADLINE_MS`, {} by default", DEADLINE_MS, [README]),
    ("`DEADLINE_MS` 默认为 {}", DEADLINE_MS, [README_ZH]),
    ("answers within {} s (`DEADLINE_MS`)", DEADLINE_MS / 1000, [SENDERS]),
    ("claiming the key | {} of what is left", PARTS[once._CLAIM_SHARE], [RELIABILITY]),  # noqa: SLF001 - as above
    ("storing the answer | what is left; {} is kept", PARTS[once._COMPLETE_SHARE], [RELIABILITY]),  # noqa: SLF001 - as above
    ("(`DEAD_LETTER_URL`) | {} of the whole", PARTS[dead_letters._SHARE], [RELIABILITY]),  # noqa: SLF001 - as above
    ("**Time**: {} of `DEADLINE_MS`", PARTS[dead_letters._SHARE], [DEPLOY]),  # noqa: SLF001 - as above
    ("It takes {} of `DEADLINE_MS` at most", PARTS[dead_letters._SHARE], [README]),  # noqa: SLF001 - as above
    ("保存最多占用 `DEADLINE_MS` 的{}", CHINESE_PARTS[dead_letters._SHARE], [README_ZH]),  # noqa: SLF001 - as above
    # What is kept, and for how long.
    ("`IDEMPOTENCY_TTL_SECONDS`, {} by default", {86400: "a day"}[TTL_SECONDS], [RELIABILITY]),
    ("It holds the last {} answers", f"{memory.CAPACITY:,}", [RELIABILITY]),
    ("its own answers (the last {})", f"{memory.CAPACITY:,}", [RELIABILITY]),
    ("the last {} deliveries", WORDS[deliveries.MOST], [README]),
    ("最近{}条请求记录", CHINESE[deliveries.MOST], [README_ZH]),
    ("fewer than {} characters, counts as a word", redaction._LEAST_ANYWHERE, [DEPLOY]),  # noqa: SLF001 - as above
    ("with fewer than {} as the whole text", redaction._LEAST_WITHIN, [DEPLOY]),  # noqa: SLF001 - as above
    ("that was idle for more than {} is opened anew", seconds(idle.MAX_IDLE_S), [README]),
    ("connections idle for more than {} s ", f"{idle.MAX_IDLE_S:g}", [RELIABILITY]),
    ("空闲超过{}秒的连接", CHINESE[int(idle.MAX_IDLE_S)], [README_ZH]),
    # The server of the custom runtime.
    ("head and body together | {} s", server._REQUEST_S, [CONTRACT]),  # noqa: SLF001 - as above
    ("after {} for a request", seconds(server._REQUEST_S), [SECURITY]),  # noqa: SLF001 - as above
    ("needs more than {} is refused", seconds(server._REQUEST_S), [SECURITY]),  # noqa: SLF001 - as above
    ("each part of the answer, head and body | {} s", server._ANSWER_S, [CONTRACT]),  # noqa: SLF001 - as above
    ("for a request, {} for each part of an answer", WORDS[server._ANSWER_S], [SECURITY]),  # noqa: SLF001 - as above
    ("| connections | {} |", server._CONNECTIONS, [CONTRACT]),  # noqa: SLF001 - as above
    ("when {} connections are open", server._CONNECTIONS, [SECURITY]),  # noqa: SLF001 - as above
    ("request line and headers | {} KiB", server._HEAD_BYTES // 1024, [CONTRACT]),  # noqa: SLF001 - as above
    ("chunks of a body | {} |", server._CHUNKS, [CONTRACT]),  # noqa: SLF001 - as above
    # Local tools.
    (f"`--age {AGE_S}` signs it {{}} ago", minutes(AGE_S), [README]),
    (f"`--age {AGE_S}` 让签名时间提前{{}}分钟", CHINESE[AGE_S // 60], [README_ZH]),
    ("or if the service is slow ({} s)", f"{audit._SECONDS:g}", [CONTRIBUTING]),  # noqa: SLF001 - as above
    # As many bytes as Python itself takes for enough.
    ("secrets.token_urlsafe({})", secrets.DEFAULT_ENTROPY, [SECURITY, DEPLOY, SENDERS]),
    # Pythons.
    ("Python {} or later", ".".join(map(str, OLDEST)), [README, DEPLOY, "docs/quickstart.md"]),
    ("只需要 Python {} 及以上版本", ".".join(map(str, OLDEST)), [README_ZH]),
    ("in the context on {}, in the environment", BUILT_IN[0], [README]),
    ("in the environment on {}.", BUILT_IN[1], [README]),
    ("{} 放在上下文中", BUILT_IN[0], [README_ZH]),
    ("{} 放在环境变量中", BUILT_IN[1], [README_ZH]),
    ("the newest Python that it finds ({})", SUPPORTED, [CONTRIBUTING]),
    ("The locks hold for Python {},", SUPPORTED, [CONTRIBUTING]),
    ("does on {}.", " and ".join(BUILT_IN), ["CHANGELOG.md"]),
]


def told(phrase: str) -> dict[str, set[str]]:
    """Return what stands in the gap of a phrase, on each page that has it."""
    before, after = map(re.escape, phrase.split("{}"))
    gap = r"([\w.,]+(?: (?:to|and|\w+))?(?: [\w.]+)?)"
    found = {name: set(re.findall(f"{before}{gap}{after}", text)) for name, text in TEXTS.items()}
    return {name: figures for name, figures in found.items() if figures}


@pytest.mark.parametrize(("phrase", "figure", "pages"), FIGURES, ids=[row[0] for row in FIGURES])
def test_a_figure_is_the_codes(phrase: str, figure: object, pages: list[str]) -> None:
    assert told(phrase) == {name: {str(figure)} for name in pages}


def test_the_oldest_python_is_the_projects() -> None:
    assert f'requires-python = ">={".".join(map(str, OLDEST))}"' in read("pyproject.toml")
