from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.clients import ccc, transport
from shared.problems import Problem, Upstream
from shared.runtime.context import Credentials
from shared.settings import read_settings
from tests.builders import PAYLOAD
from tests.unit.shared.fakes import CCC_REQUEST_ID, MUTE_CALL, sample

CREDENTIALS = Credentials("STS.local", "local-secret", "local-token")
JSON = {"content-type": "application/json;charset=utf-8"}
STATUSES = (200, 404, 503)

# Refusals that are about the request itself: they are kept for its key.
ABOUT_THE_CALL = (
    "Parameter.Blank",
    "Parameter.Empty",
    "Parameter.Null",
    "Parameter.Format",
    "Parameter.Enumeration",
    "Parameter.Invalid",
    "Parameter.Maximum",
    "Parameter.Minimum",
    "AlreadyExists.User",
    "MissingJobId",
    "MissingInstanceId",
)
# Contract, "Failure": what CCC's `Code` stands for, alike with every HTTP status.
BY_CODE = {
    "NotExists.JobId": "job_not_found",
    "NotExists.InstanceId": "instance_not_found",
    "NotExists.ChannelId": "channel_not_found",
    "NotExists.UserId": "user_not_found",
    "InvalidOperation.UserState": "invalid_state",
    "InvalidOperation.ChannelState": "invalid_state",
    "InvalidOperation.Other": "invalid_state",
    "Throttling": "throttled",
    "Throttling.User": "throttled",
    "Throttling.Api": "throttled",
    "ThrottlingUser": "throttled",
    "InternalService.Common": "upstream_unavailable",
    "InternalService.DB": "upstream_unavailable",
    "InternalService.CTI": "upstream_unavailable",
    "InternalService.AC": "upstream_unavailable",
    "InternalService.Account": "upstream_unavailable",
    "InternalError": "upstream_unavailable",
    "ServiceUnavailable": "upstream_unavailable",
    "Permission.Common": "upstream_denied",
    "Permission.User": "upstream_denied",
    "Permission.SkillGroup": "upstream_denied",
    "Permission.StsToken": "upstream_denied",
    "NoPermission": "upstream_denied",
    "NoPermission.Instance": "upstream_denied",
    "AbnormalService.Ceased": "upstream_unavailable",
    "AbnormalService.Creating": "upstream_unavailable",
    "AbnormalService.Disabled": "upstream_unavailable",
    "AbnormalService.Other": "upstream_unavailable",
    "Forbidden.RAM": "upstream_denied",
    "Forbidden": "upstream_denied",
    "Authentication.Signature": "upstream_denied",
    "InvalidAccessKeyId.NotFound": "upstream_denied",
    "InvalidAccessKeyId.Inactive": "upstream_denied",
    "SignatureDoesNotMatch": "upstream_denied",
    "IncompleteSignature": "upstream_denied",
    "InvalidSecurityToken.Expired": "upstream_denied",
    "InvalidSecurityToken.Malformed": "upstream_denied",
    "InvalidSecurityToken.MismatchWithAccessKey": "upstream_denied",
    "MissingSecurityToken": "upstream_denied",
    "MissingAccessKeyId": "upstream_denied",
    "InvalidTimeStamp.Expired": "upstream_denied",
    "InvalidTimeStamp.Format": "upstream_denied",
    "SignatureNonceUsed": "upstream_denied",
    **dict.fromkeys((*ABOUT_THE_CALL, "NotExists.Skill", "NotExists.JobIdx", "NotExists.JobId.x"), "upstream_rejected"),
}
FINAL = {
    "job_not_found",
    "instance_not_found",
    "channel_not_found",
    "user_not_found",
    "invalid_state",
    "upstream_rejected",
}
# Codes that say no more than that CCC refused: with a 5xx its status counts.
OTHERS = (
    "InvalidVersion",
    "InvalidAction.NotFound",
    "InvalidApi.NotFound",
    "InvalidProduct.NotFound",
    "InvalidProtocol.NeedSsl",
    "XThrottling",
    "XNotExists.JobId",
    "ok",
    "LimitExceeded",
    "QuotaExceeded.User",
    "Unauthorized",
    "EntityNotExist.Role",
    "Parameter",
)


class Wire:
    """Stands in for the transport: notes the request, and answers or raises."""

    def __init__(self) -> None:
        self.answer: transport.Answer | Exception = answer(200, sample("typed"))
        self.sent = True
        self.requests: list[tuple[str, str, dict[str, str], dict[str, float]]] = []

    def send(
        self, method: str, url: str, headers: Mapping[str, str], _body: bytes | None, **timeouts: float
    ) -> transport.Answer:
        if self.sent:
            transport.current().begin()  # as the connection does
        self.requests.append((method, url, dict(headers), timeouts))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> transport.Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return transport.Answer(status, "", {**JSON, **(headers or {})}, content)


def refusal(code: str) -> dict[str, Any]:
    return {"RequestId": CCC_REQUEST_ID, "Code": code, "HttpStatusCode": 400, "Message": "canary", "Params": ["canary"]}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    fake = Wire()
    monkeypatch.setattr(transport, "send", fake.send)
    return fake


def call(left_s: float = 5, **environ: str) -> dict[str, Any]:
    settings = read_settings(environ, region="cn-shanghai")
    return ccc.call(MUTE_CALL, PAYLOAD, CREDENTIALS, settings, time.monotonic() + left_s)


def problem(**kwargs: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        call(**kwargs)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_an_answer_with_code_ok_is_returned(wire: Wire) -> None:
    assert call() == sample("typed")
    assert len(wire.requests) == 1


def test_the_request_is_that_of_the_product_sdk(wire: Wire) -> None:
    call()

    ((method, url, headers, _),) = wire.requests
    parts = urlsplit(url)
    assert method == "POST"
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "ccc.cn-shanghai.aliyuncs.com", "/")
    assert dict(parse_qsl(parts.query)) == dict(PAYLOAD)
    assert headers["x-acs-action"] == "MuteCall"
    assert headers["x-acs-version"] == "2020-07-01"
    assert headers["x-acs-security-token"] == "local-token"
    assert headers["Authorization"].startswith("ACS3-HMAC-SHA256 Credential=STS.local,")


def test_endpoint_and_timeouts_are_those_of_the_settings(wire: Wire) -> None:
    call(60)
    call(60, CCC_ENDPOINT="http://127.0.0.1:9001", CCC_CONNECT_TIMEOUT_MS="250", CCC_READ_TIMEOUT_MS="500")

    (_, _, _, default), (_, url, _, given) = wire.requests
    assert url.startswith("http://127.0.0.1:9001/?")
    assert (default, given) == ({"connect_s": 1.0, "read_s": 3.0}, {"connect_s": 0.25, "read_s": 0.5})


@pytest.mark.parametrize("code", BY_CODE)
def test_the_code_decides_alike_with_every_status(wire: Wire, code: str) -> None:
    for status in STATUSES:
        wire.answer = answer(status, refusal(code))

        refused = problem()

        assert refused.code == BY_CODE[code]
        assert refused.upstream == Upstream(code, CCC_REQUEST_ID)
        assert refused.is_final == (refused.code in FINAL)
        assert not refused.needs_operator


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("code", OTHERS)
def test_of_any_other_code_the_status_decides(wire: Wire, code: str, status: int) -> None:
    wire.answer = answer(status, refusal(code))

    refused = problem()

    assert refused.code == ("upstream_unavailable" if status >= 500 else "upstream_rejected")
    assert refused.upstream == Upstream(code, CCC_REQUEST_ID)
    assert not refused.is_final
    assert refused.needs_operator == (status < 500)


@pytest.mark.parametrize(
    "body",
    [{}, {"Message": "canary"}, {"Code": None}, {"Code": 404}, {"Code": "canary of a code"}, {"Code": "x" * 129}],
)
@pytest.mark.parametrize(
    ("status", "code"), [(400, "upstream_rejected"), (429, "throttled"), (500, "upstream_unavailable")]
)
def test_without_a_code_the_status_decides(wire: Wire, body: dict[str, Any], status: int, code: str) -> None:
    wire.answer = answer(status, body)

    refused = problem()

    assert refused.code == code
    assert refused.upstream == Upstream(None, None)


def test_a_refusal_in_lower_case_is_understood(wire: Wire) -> None:
    wire.answer = answer(404, {"code": "NotExists.JobId", "requestId": CCC_REQUEST_ID, "message": "canary"})

    refused = problem()

    assert refused.code == "job_not_found"
    assert refused.upstream == Upstream("NotExists.JobId", CCC_REQUEST_ID)


@pytest.mark.parametrize(
    "body",
    [{}, {"Code": None}, {"Code": 200}, {"code": "OK"}, {"Data": {}, "HttpStatusCode": 200}, [], [1], None, "OK", 5],
)
def test_http_200_without_a_code_is_an_invalid_response(wire: Wire, body: object) -> None:
    wire.answer = answer(200, body)

    assert problem().code == "upstream_invalid_response"


@pytest.mark.parametrize("status", [301, 302, 307])
@pytest.mark.parametrize("body", [b"", b'{"Code": "OK"}'])
def test_a_redirect_is_an_invalid_response(wire: Wire, status: int, body: bytes) -> None:
    wire.answer = answer(status, body, {"location": "https://evil.example/"})

    assert problem().code == "upstream_invalid_response"
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [200, 404, 502])
@pytest.mark.parametrize("body", [b"", b"<html>canary</html>", b'{"Code": ', b"\xff\xfe", b"[]", b"null"])
def test_an_unreadable_answer_is_an_invalid_response_whatever_its_status(wire: Wire, status: int, body: bytes) -> None:
    wire.answer = answer(status, body)

    refused = problem()

    assert refused.code == "upstream_invalid_response"
    assert "canary" not in refused.reason


def test_an_xml_refusal_of_the_gateway_is_understood(wire: Wire) -> None:
    fields = f"<RequestId>{CCC_REQUEST_ID}</RequestId><Code>NoPermission</Code>"
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error>{fields}</Error>"
    wire.answer = answer(403, body.encode(), {"content-type": "text/xml;charset=utf-8"})

    assert problem().upstream == Upstream("NoPermission", CCC_REQUEST_ID)


@pytest.mark.parametrize(
    ("code", "header", "seconds"),
    [
        ("Throttling.User", "1500", "2"),
        ("Throttling.User", "1", "1"),
        ("Throttling.User", "1000", "1"),
        ("Throttling.User", "999999999999", "3600"),
        ("Throttling.User", "9" * 400, "3600"),
        ("Throttling.User", "0", "1"),
        ("Throttling.User", "-5", "1"),
        ("Throttling.User", "soon", "1"),
        ("ServiceUnavailable", "7000", "7"),
        ("NotExists.JobId", "7000", None),
    ],
)
def test_the_wait_that_ccc_asks_for_is_passed_on_in_seconds(
    wire: Wire, code: str, header: str, seconds: str | None
) -> None:
    wire.answer = answer(429, refusal(code), {"x-acs-retry-after": header})

    assert problem().headers.get("Retry-After") == seconds


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (transport.LostError("TimeoutError"), "upstream_timeout"),
        (transport.NotSentError("ConnectionRefusedError"), "upstream_unavailable"),
        (transport.UnreadableError("DecodeError"), "upstream_invalid_response"),
    ],
)
def test_each_way_to_fail_has_its_code_and_names_the_cause(wire: Wire, error: Exception, code: str) -> None:
    wire.sent = not isinstance(error, transport.NotSentError)
    wire.answer = error

    lost = problem()

    assert lost.code == code
    assert str(error) in lost.reason


def test_a_failure_of_the_sdk_before_sending_is_ours(wire: Wire) -> None:
    wire.sent = False
    wire.answer = RuntimeError("canary")

    refused = problem()

    assert refused.code == "internal_error"
    assert "canary" not in refused.reason


@pytest.mark.parametrize("left_s", [0, -1])
def test_after_the_deadline_nothing_is_sent(wire: Wire, left_s: float) -> None:
    assert problem(left_s=left_s).code == "upstream_unavailable"
    assert not wire.requests


@pytest.mark.parametrize("status", [201, 202, 206, 299])
def test_an_acceptance_with_another_status_is_unreadable(wire: Wire, status: int) -> None:
    wire.answer = answer(status, sample("typed"))

    with pytest.raises(Problem) as caught:
        call()

    assert caught.value.code == "upstream_invalid_response"
    assert caught.value.upstream == Upstream("OK", CCC_REQUEST_ID)
