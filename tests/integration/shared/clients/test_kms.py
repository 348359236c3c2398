"""Secrets of KMS over the wire: the real SDK against the simulator."""

from __future__ import annotations

import time
from typing import Any

import pytest

from local.simulator import Simulator
from shared.callers.secret_references import SecretUnavailableError
from shared.clients import kms, rpc
from shared.problems import ConfigurationError
from shared.runtime.context import Credentials
from shared.settings import read_settings

CREDENTIALS = Credentials("STS.local", "local-secret", "local-token")
VALUE = "canary-of-the-vault"


def read(
    simulator: Simulator, *, credentials: Credentials = CREDENTIALS, left_s: float = 5, **environ: str
) -> tuple[str, ...]:
    settings = read_settings({"KMS_ENDPOINT": simulator.url, **environ}, region="cn-shanghai")
    return kms.read_secret("crm", credentials, settings, time.monotonic() + left_s)


def failure(simulator: Simulator, kind: type[Exception], **arguments: Any) -> str:
    with pytest.raises(kind) as caught:
        read(simulator, **arguments)
    assert VALUE not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_the_request_is_that_of_the_api(simulator: Simulator) -> None:
    simulator.put_secret("crm", VALUE)
    read(simulator)
    first, second = simulator.requests
    for request, stage in ((first, "ACSCurrent"), (second, "ACSPrevious")):
        assert (request["method"], request["action"]) == ("POST", "GetSecretValue")
        assert request["headers"]["x-acs-version"] == "2016-01-20"
        assert request["parameters"] == {"SecretName": "crm", "VersionStage": stage}
    assert VALUE not in str(simulator.snapshot())


def test_current_and_previous_version_count_and_no_older_one(simulator: Simulator) -> None:
    assert read(simulator) == ()
    simulator.put_secret("crm", "a")
    assert read(simulator) == ("a",)
    simulator.put_secret("crm", "b")
    assert read(simulator) == ("b", "a")
    simulator.put_secret("crm", "c")
    assert read(simulator) == ("c", "b")
    simulator.put_secret("crm", "c")
    assert read(simulator) == ("c",)


@pytest.mark.parametrize(
    ("status", "code"), [(404, "Forbidden.ResourceNotFound"), (400, "InvalidParameter"), (404, "X")]
)
def test_any_refusal_of_the_previous_version_says_that_there_is_none(
    simulator: Simulator, status: int, code: str
) -> None:
    simulator.put_secret("crm", "a")
    simulator.put_secret("crm", "b")
    simulator.faults.add({"kind": "delay", "ms": 1})
    simulator.faults.add({"kind": "error", "http_status": status, "code": code})
    assert read(simulator) == ("b",)


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (Credentials("STS.other", "local-secret", "local-token"), "InvalidAccessKeyId.NotFound with HTTP 404"),
        (Credentials("STS.local", "other", "local-token"), "SignatureDoesNotMatch with HTTP 400"),
    ],
)
def test_a_role_that_is_refused_is_told(simulator: Simulator, credentials: Credentials, code: str) -> None:
    simulator.put_secret("crm", VALUE)
    assert failure(simulator, ConfigurationError, credentials=credentials) == f"kms:crm: KMS answered {code}"


REFUSALS = [
    (403, "Forbidden.NoPermission", ConfigurationError),
    (400, "InvalidParameter", ConfigurationError),
    (409, "Rejected.Disabled", ConfigurationError),
    (429, "Throttling.User", SecretUnavailableError),
    (429, "FlowLimit", SecretUnavailableError),
    (400, "Rejected.Throttling", SecretUnavailableError),
    (500, "InternalFailure", SecretUnavailableError),
    (503, "ServiceUnavailableTemporary", SecretUnavailableError),
]


@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_a_refusal_tells_whether_it_may_pass(
    simulator: Simulator, status: int, code: str, kind: type[Exception]
) -> None:
    simulator.put_secret("crm", VALUE)
    simulator.faults.add({"kind": "error", "http_status": status, "code": code, "message": VALUE})
    assert failure(simulator, kind) == f"kms:crm: KMS answered {code} with HTTP {status}"


def raw(body: str, status: int = 200) -> dict[str, Any]:
    return {"kind": "raw", "http_status": status, "content_type": "application/json;charset=utf-8", "body": body}


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"kind": "drop"}, "KMS does not answer: RemoteDisconnected"),
        (raw("{"), "KMS does not answer: "),
        (raw("<html>", 502), "KMS does not answer: "),
        (raw("[]"), "KMS answered without a value"),
        (raw("{}"), "KMS answered without a value"),
        (raw('{"SecretData": null}'), "KMS answered without a value"),
        (raw('{"SecretData": 4711}'), "KMS answered without a value"),
        (raw("{}", 403), "KMS answered no code with HTTP 403"),
        ({"kind": "redirect", "location": "http://127.0.0.1:9/"}, "KMS does not answer: "),
    ],
)
def test_what_is_no_answer_gives_no_secret(simulator: Simulator, fault: dict[str, Any], told: str) -> None:
    simulator.put_secret("crm", VALUE)
    simulator.faults.add(fault)
    assert failure(simulator, SecretUnavailableError).startswith(f"kms:crm: {told}")


def test_a_binary_secret_is_no_credential(simulator: Simulator) -> None:
    simulator.faults.add(raw('{"SecretData": "AAEC", "SecretDataType": "binary"}'))
    assert failure(simulator, ConfigurationError) == "kms:crm is no text"


def test_a_silent_kms_holds_nobody_beyond_the_deadline(simulator: Simulator) -> None:
    simulator.faults.add({"kind": "delay", "ms": 5000})
    began = time.monotonic()
    failure(simulator, SecretUnavailableError, left_s=0.3)
    assert time.monotonic() - began < 2


def test_a_kms_that_is_not_there_is_told() -> None:
    with Simulator() as gone:
        pass
    assert failure(gone, SecretUnavailableError).startswith("kms:crm: KMS does not answer: ")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "redirect", "location": "http://127.0.0.1:9/"},
        # Of whatever stands before KMS.
        raw("{}", 404),
        raw('{"error": "too many requests"}', 429),
        {"kind": "error", "http_status": 429, "code": "FlowLimit"},
    ],
)
def test_a_previous_version_that_is_not_told_of_is_not_taken_for_absent(
    simulator: Simulator, fault: dict[str, Any]
) -> None:
    simulator.put_secret("crm", VALUE)
    simulator.faults.add({"kind": "delay", "ms": 1})
    simulator.faults.add(fault)
    failure(simulator, SecretUnavailableError)


@pytest.mark.parametrize(
    "code", ["SignatureNonceUsed", "InvalidSecurityToken.Expired", "InvalidTimeStamp.Expired", "Rejected.LimitExceeded"]
)
def test_a_refusal_of_the_request_says_nothing_of_the_previous_version(simulator: Simulator, code: str) -> None:
    simulator.put_secret("crm", VALUE)
    simulator.faults.add({"kind": "delay", "ms": 1})
    simulator.faults.add({"kind": "error", "http_status": 400, "code": code})
    failure(simulator, SecretUnavailableError)


def test_a_rotation_between_the_two_reads_is_seen(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator.put_secret("crm", "a")
    once = rpc.call

    def rotate_after_the_first(*arguments: Any) -> rpc.Answer:
        answer = once(*arguments)
        if simulator.requests_total == 1:
            simulator.put_secret("crm", "b")
        return answer

    monkeypatch.setattr(rpc, "call", rotate_after_the_first)
    assert read(simulator) == ("b", "a")
