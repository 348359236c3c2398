from __future__ import annotations

import re

import pytest

from shared import problems
from shared.problems import (
    ConfigurationError,
    FieldError,
    InvalidParameters,
    MethodNotAllowed,
    Problem,
    Throttled,
    Unauthorized,
    Upstream,
    UpstreamProblem,
    UpstreamTimeout,
    UpstreamUnavailable,
    problem_types,
)
from tests.builders import CHANNEL
from tests.unit.shared.fakes import CCC_REQUEST_ID

# Contract, "Failure": code, status, retryable.
DOCUMENTED = {
    "malformed_request": (400, False),
    "unauthorized": (401, False),
    "forbidden": (403, False),
    "job_not_found": (404, False),
    "instance_not_found": (404, False),
    "channel_not_found": (404, False),
    "user_not_found": (404, False),
    "method_not_allowed": (405, False),
    "in_progress": (409, True),
    "payload_too_large": (413, False),
    "unsupported_media_type": (415, False),
    "invalid_parameters": (422, False),
    "idempotency_key_reused": (422, False),
    "invalid_state": (422, False),
    "upstream_rejected": (422, False),
    "throttled": (429, True),
    "configuration_error": (500, False),
    "internal_error": (500, False),
    "upstream_denied": (502, False),
    "upstream_invalid_response": (502, True),
    "upstream_unavailable": (503, True),
    "idempotency_unavailable": (503, True),
    "upstream_timeout": (504, True),
}
ROW = re.compile(r"^[│├└─\s]*(?P<name>[A-Z]\w+)(?:\s+(?P<status>\d{3})\s+(?P<retryable>yes|no)\s{2,}(?P<when>\S.*))?")


def rows() -> dict[str, tuple[int, bool]]:
    """Return the table of the docstring: status and retryability by class."""
    matches = (ROW.match(line) for line in (problems.__doc__ or "").splitlines()[3:])
    return {row["name"]: (int(row["status"]), row["retryable"] == "yes") for row in matches if row and row["status"]}


def test_codes_status_and_retryability_are_the_documented_ones() -> None:
    assert {kind.code: (kind.status, kind.retryable) for kind in problem_types()} == DOCUMENTED


def test_the_table_in_the_docstring_is_the_tree() -> None:
    assert rows() == {kind.__name__: (kind.status, kind.retryable) for kind in problem_types()}


def test_the_docstring_draws_every_class_below_its_base() -> None:
    drawn: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for line in (problems.__doc__ or "").splitlines()[2:]:
        if row := ROW.match(line):
            depth = row.start("name")
            stack = [entry for entry in stack if entry[0] < depth]
            drawn[row["name"]] = stack[-1][1] if stack else ""
            stack.append((depth, row["name"]))

    kinds = [*problem_types(), UpstreamProblem]
    assert drawn == {"Problem": ""} | {kind.__name__: kind.__bases__[0].__name__ for kind in kinds}


def test_every_code_is_there_once() -> None:
    kinds = list(problem_types())

    assert len({kind.code for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("kind", list(problem_types()), ids=lambda kind: kind.code)
def test_every_problem_has_a_title_and_a_detail(kind: type[Problem]) -> None:
    assert kind.title
    assert kind.detail.endswith(".")
    assert kind.__doc__


def test_the_class_with_a_code_of_its_own_only_are_listed() -> None:
    assert UpstreamProblem not in set(problem_types())
    assert UpstreamTimeout in set(problem_types(UpstreamProblem))


def test_a_401_has_one_constant_challenge() -> None:
    headers = {Unauthorized(reason).headers["WWW-Authenticate"] for reason in ("one", "two")}

    assert len(headers) == 1


def test_a_405_lists_what_is_allowed() -> None:
    assert MethodNotAllowed(("POST", "GET")).headers == {"Allow": "POST, GET"}


@pytest.mark.parametrize(
    ("problem", "headers"),
    [
        (Throttled("r"), {"Retry-After": "1"}),
        (Throttled("r", wait_ms=6001), {"Retry-After": "7"}),
        (UpstreamUnavailable("r"), {"Retry-After": "2"}),
        (UpstreamUnavailable("r", wait_ms=6001), {"Retry-After": "7"}),
        (UpstreamTimeout("r"), {}),
        (UpstreamTimeout("r", wait_ms=6001), {}),
        (ConfigurationError("r"), {}),
    ],
)
def test_retry_after_is_where_the_contract_has_it(problem: Problem, headers: dict[str, str]) -> None:
    assert problem.headers == headers


def test_an_upstream_problem_carries_ccc_s_code_and_id() -> None:
    upstream = Upstream("NotExists.JobId", "A-1")

    assert UpstreamTimeout("r", upstream=upstream).upstream == upstream


def test_a_reason_is_for_the_log_and_not_for_the_caller() -> None:
    problem = ConfigurationError("MUTE_CALL_TOKEN is unset")

    assert problem.reason == "MUTE_CALL_TOKEN is unset"
    assert "MUTE_CALL_TOKEN" not in problem.detail


def test_a_detail_may_be_overridden() -> None:
    assert ConfigurationError("r", detail="Other.").detail == "Other."


def test_invalid_parameters_tell_the_fields_to_both() -> None:
    problem = InvalidParameters((FieldError("job_id", "required"), FieldError("user_id", "required")))

    assert problem.reason == "job_id required; user_id required"
    assert [error.field for error in problem.errors] == ["job_id", "user_id"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (CCC_REQUEST_ID, True),
        ("0B12DE1A-2304-5E86-AAFD-B0206BDECD01", True),
        ("a-b", True),
        ("13188888888", False),
        ("131-8888-8888", False),
        ("1-a", True),
        ("a", False),
        ("a-" + "b" * 62, True),
        ("a-" + "b" * 63, False),
        (CHANNEL, False),
        ("a-b\n", False),
        ("-a", False),
        ("", False),
        (5, False),
        (None, False),
    ],
)
def test_only_what_looks_like_a_request_id_is_one(value: object, found: bool) -> None:  # noqa: FBT001 - a column
    assert Upstream.read({"RequestId": value}).request_id == (value if found else None)


def test_the_lower_case_spelling_of_the_request_id_counts_too() -> None:
    assert Upstream.read({"RequestId": 5, "requestId": "a-b"}).request_id == "a-b"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("NotExists.JobId", True),
        ("Throttling.User_2-b", True),
        ("A" * 128, True),
        ("A" * 129, False),
        ("1OK", False),
        ("Call.13188888888", False),
        ("OK\n", False),
        ("a b", False),
        ("", False),
        (5, False),
    ],
)
def test_only_what_looks_like_a_code_is_one(value: object, found: bool) -> None:  # noqa: FBT001 - a column
    assert Upstream.read({"Code": value}).code == (value if found else None)


@pytest.mark.parametrize("body", [None, "OK", [], 5, b"OK", {}])
def test_an_answer_that_names_nothing_has_no_names(body: object) -> None:
    assert Upstream.read(body) == Upstream()
