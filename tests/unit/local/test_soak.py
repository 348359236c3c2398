from __future__ import annotations

from itertools import islice

import pytest

from local.bench.soak import Answer, report
from local.bench.soak_plan import KINDS, Expected, expected_of, plan

MEGABYTE = 1_000_000
GOOD = Answer(Expected(200, "muted"), 0.01, right=True)


def test_the_plan_is_the_same_in_every_run_and_has_every_kind() -> None:
    first, second = (list(islice(plan(1), 2_000)) for _ in range(2))

    assert first == second
    assert {step.kind for step in first} == set(KINDS)


def test_a_duplicate_follows_what_it_duplicates() -> None:
    done: dict[str, set[int]] = {"duplicate": set(), "key with another payload": set(), "duplicate of a failure": set()}
    for step in islice(plan(2), 2_000):
        if step.kind in done:
            assert step.number in done[step.kind], step
        expected = KINDS[step.kind].expected
        if step.kind != "duplicate" and expected.code == "muted":
            done["duplicate"].add(step.number)
            done["key with another payload"].add(step.number)
        elif KINDS[step.kind].fault:
            done["duplicate of a failure"].add(step.number)


def test_a_flow_gets_200_for_everything_but_a_wrong_credential() -> None:
    told = {
        (KINDS[step.kind].expected.status, expected_of(step).status)
        for step in islice(plan(3), 2_000)
        if step.sender == "flow"
    }
    assert {status for expected, status in told if expected != 401} == {200}
    assert (401, 401) in told


@pytest.mark.parametrize(
    ("answer", "after", "code"),
    [
        (GOOD, 109 * MEGABYTE, 0),
        (GOOD, 111 * MEGABYTE, 1),
        (GOOD._replace(right=False), 100 * MEGABYTE, 1),
        (GOOD._replace(seconds=2.3), 100 * MEGABYTE, 1),
    ],
    ids=["as it has to be", "memory", "unexplained", "late"],
)
def test_the_verdict(capsys: pytest.CaptureFixture[str], answer: Answer, after: int, code: int) -> None:
    assert report({"new": [answer]}, 60, (100 * MEGABYTE, after)) == code

    assert capsys.readouterr().out.splitlines()[-1] == ("FAILED" if code else "passed")


def test_a_soak_without_answers_has_failed() -> None:
    assert report({}, 60, (100 * MEGABYTE, 100 * MEGABYTE)) == 1
