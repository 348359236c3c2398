import json

import pytest

from local.gateway.errors import INITIALIZATION, RejectionError, exited, timed_out, uncaught


def fail() -> None:
    raise ValueError("something is wrong")


def test_an_uncaught_exception_is_reported_with_its_stack() -> None:
    with pytest.raises(ValueError, match="wrong") as raised:
        fail()
    answer = uncaught(raised.value).answer(502)
    assert answer.status == 502
    assert answer.headers == {"Content-Type": "application/json", "X-Fc-Error-Type": "UnhandledInvocationError"}
    report = json.loads(answer.body)
    assert (report["errorMessage"], report["errorType"]) == ("something is wrong", "ValueError")
    file, line, name, source = report["stackTrace"][-1]
    assert file == f'File "{__file__}"'
    assert line.startswith("line ")
    assert (name, source) == ("in fail", 'raise ValueError("something is wrong")')


def test_source_lines_that_are_gone_are_empty() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        exec(compile("1 / 0", "<nowhere>", "exec"))  # noqa: S102 - code without a source file is the subject
    assert uncaught(raised.value).report["stackTrace"][-1] == ['File "<nowhere>"', "line 1", "in <module>", ""]


def test_a_timeout_names_itself_and_the_limit() -> None:
    failure = timed_out(0.25)
    assert failure.error_type == "UnhandledInvocationError"
    report = {"errorMessage": "Function timed out after 0.25 seconds", "errorType": "FunctionTimeoutError"}
    assert failure.report == report


def test_an_exit_is_reported_without_a_stack() -> None:
    failure = exited(SystemExit(3), INITIALIZATION)
    assert failure.error_type == "InitializationError"
    message = "Process exited unexpectedly before completing request (SystemExit: 3)"
    assert (str(failure), failure.report) == (message, {"errorMessage": message})


def test_a_rejection_says_what_and_for_which_request() -> None:
    answer = RejectionError(403, "AccessDenied", "no").answer("1-2-3")
    assert answer.status == 403
    assert answer.headers == {"Content-Type": "application/json", "X-Fc-Error-Type": "FcCommonError"}
    assert json.loads(answer.body) == {"RequestId": "1-2-3", "Code": "AccessDenied", "Message": "no"}
