from __future__ import annotations

import json

import pytest

from shared.outcome import Success
from shared.problems import (
    ConfigurationError,
    FieldError,
    Forbidden,
    IdempotencyKeyReused,
    IdempotencyUnavailable,
    InProgress,
    InternalError,
    InvalidParameters,
    JobNotFound,
    MalformedRequest,
    MethodNotAllowed,
    PayloadTooLarge,
    Problem,
    Throttled,
    Unauthorized,
    UnsupportedMediaType,
    Upstream,
    UpstreamProblem,
    UpstreamRejected,
    UpstreamUnavailable,
    problem_types,
)
from shared.responses.render import always_200, flat, with_status_codes
from shared.runtime.event import body_of

FIELDS = {"status": "muted", "muted": True, "call_type": None, "job_id": "job", "other": False}
SUCCESS = Success("muted", FIELDS, Upstream("OK", "A-1"))
UPSTREAM = Upstream("Some.Code", "A-1")
RETRY_AFTER = dict.fromkeys((409, 429, 503), "Retry-After")
PROBLEMS: list[Problem] = [
    MalformedRequest("reason"),
    Unauthorized("reason"),
    Forbidden("reason"),
    MethodNotAllowed(("POST",)),
    PayloadTooLarge("reason"),
    UnsupportedMediaType("reason"),
    InvalidParameters((FieldError("job_id", "required"),)),
    InProgress("reason", left_ms=1_200),
    IdempotencyKeyReused("reason"),
    ConfigurationError("reason"),
    InternalError("reason"),
    IdempotencyUnavailable("reason"),
    *(
        kind("reason", upstream=UPSTREAM)
        for kind in problem_types(UpstreamProblem)
        if issubclass(kind, UpstreamProblem)
    ),
]


def code_of(problem: Problem) -> str:
    return problem.code


def test_every_problem_has_its_row() -> None:
    assert {type(problem) for problem in PROBLEMS} == set(problem_types())


@pytest.mark.parametrize("problem", PROBLEMS, ids=code_of)
def test_a_problem_is_told_as_rfc_9457_has_it(problem: Problem) -> None:
    response = with_status_codes(problem, "1-2")

    body = json.loads(body_of(response))
    assert response.status == body["status"] == problem.status
    assert response.content_type == "application/problem+json"
    assert body.pop("type").endswith(f"#{problem.code}")
    assert body.pop("title")
    assert body.pop("detail")
    assert body.pop("code") == problem.code
    assert body.pop("retryable") is problem.retryable
    assert body.pop("request_id") == "1-2"
    assert body.pop("upstream", None) == ({"code": "Some.Code", "request_id": "A-1"} if problem.upstream else None)
    assert body.pop("errors", None) == ([{"field": "job_id", "reason": "required"}] if problem.errors else None)
    assert body == {"status": problem.status}


def test_an_upstream_that_named_nothing_is_left_out() -> None:
    assert "upstream" not in with_status_codes(UpstreamRejected("reason", upstream=Upstream()), None).body


@pytest.mark.parametrize("problem", PROBLEMS, ids=code_of)
def test_headers_are_where_the_contract_has_them(problem: Problem) -> None:
    expected = {401: "WWW-Authenticate", 405: "Allow", **RETRY_AFTER}.get(problem.status)

    assert list(with_status_codes(problem, None).headers) == ([expected] if expected else [])


@pytest.mark.parametrize("problem", PROBLEMS, ids=code_of)
def test_always_200_tells_a_problem_flat(problem: Problem) -> None:
    response = always_200(problem, "1-2")

    assert response.status == 200
    assert response.content_type == "application/json"
    errors = {"errors": "; ".join(f"{error.field}: {error.reason}" for error in problem.errors)}
    assert response.body == {
        "status": "error",
        "code": problem.code,
        "retryable": "true" if problem.retryable else "false",
        "request_id": "1-2",
        **(errors if problem.errors else {}),
    }
    assert set(response.headers) == ({"Retry-After"} if problem.status in RETRY_AFTER else set())


def test_a_success_is_told_as_it_is() -> None:
    response = with_status_codes(SUCCESS, "1-2")

    assert (response.status, response.body, response.headers) == (200, FIELDS, {})
    assert response.content_type == "application/json"


def test_flat_values_are_all_strings() -> None:
    assert flat(SUCCESS, "1-2") == {
        "status": "muted",
        "muted": "true",
        "call_type": "",
        "job_id": "job",
        "other": "false",
    }
    assert always_200(SUCCESS, "1-2").body == flat(SUCCESS, "1-2")


def test_without_a_request_id_it_is_null_or_empty() -> None:
    assert json.loads(body_of(with_status_codes(JobNotFound("reason"), None)))["request_id"] is None
    assert flat(JobNotFound("reason"), None)["request_id"] == ""


def test_the_reason_is_for_the_log_only() -> None:
    for problem in (ConfigurationError("canary"), Unauthorized("canary"), InternalError("canary")):
        assert "canary" not in str(with_status_codes(problem, None))
        assert "canary" not in str(always_200(problem, None))


@pytest.mark.parametrize("kind", [Throttled, UpstreamUnavailable])
def test_the_wait_that_ccc_asks_for_is_passed_on(kind: type[UpstreamProblem]) -> None:
    problem = kind("reason", wait_ms=8500)

    assert with_status_codes(problem, None).headers == always_200(problem, None).headers == {"Retry-After": "9"}
