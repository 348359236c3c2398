"""docs/reliability.md says what the code does: its codes, its figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.clients import idle, retry
from shared.idempotency import memory, redis, remembering
from shared.problems import UpstreamProblem, problem_types
from shared.settings import Settings

DOCUMENT = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "code",
    sorted(
        kind.code for kind in problem_types() if kind.retryable or kind.is_final or issubclass(kind, UpstreamProblem)
    ),
)
def test_every_code_that_can_be_sent_again_or_is_kept_has_its_row(code: str) -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("|") and f"`{code}`" in line]
    assert rows


@pytest.mark.parametrize("kind", [kind for kind in problem_types() if kind.retryable], ids=lambda kind: kind.code)
def test_a_code_stands_behind_its_status(kind: type[UpstreamProblem]) -> None:
    told = re.findall(rf"(\d{{3}}) `{kind.code}`", DOCUMENT)
    assert set(told) == {str(kind.status)}


@pytest.mark.parametrize(
    "figure",
    [
        f"`DEADLINE_MS` ({Settings.model_fields['deadline_ms'].default})",
        f"idle for more than {idle.MAX_IDLE_S:g} s",
        f"the last {memory.CAPACITY:,} answers",
        f"(the last {remembering._MOST_UNSAVED})",  # noqa: SLF001 - a figure
        f"{redis._CONNECT_S * 1000:g} ms to connect to Redis and {redis._ANSWER_S * 1000:g} ms",  # noqa: SLF001 - as above
        f"yes, after {retry._PAUSE_S * 1000:g} ms",  # noqa: SLF001 - as above
        f"{retry.LEAST_ATTEMPT_S * 1000:g} ms\nof the deadline are left",
    ],
)
def test_the_figures_are_those_of_the_code(figure: str) -> None:
    assert re.sub(r"\s+", " ", figure) in re.sub(r"\s+", " ", DOCUMENT)
