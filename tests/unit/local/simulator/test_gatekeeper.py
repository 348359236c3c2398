"""Every error of the gateway, asked for through the endpoint, and the order of its checks."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.http import Answer
from local.simulator.endpoint import Endpoint
from local.simulator.errors import GatewayError
from local.simulator.options import AccessKey
from local.simulator.products import PRODUCTS
from local.simulator.rendering import gateway_error
from local.simulator.request import Request
from tests.unit.local.simulator.conftest import FakeClock
from tests.unit.local.simulator.signing import MUTE, signed

AskJson = Callable[[Request], tuple[int, dict[str, Any]]]

VERSION = {"x-acs-action": "MuteCall", "x-acs-version": "2020-07-01", "accept": "application/json"}
UNSIGNED = Request("POST", "/", tuple(VERSION.items()))


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (signed(path="/x"), 404, "InvalidAction.NotFound"),
        (signed(method="PUT"), 404, "InvalidAction.NotFound"),
        (signed(headers={"x-acs-action": "HoldCall"}), 404, "InvalidAction.NotFound"),
        (signed(leave_out=("x-acs-action",)), 400, "MissingAction"),
        (signed(leave_out=("x-acs-version",)), 400, "MissingVersion"),
        (signed(headers={"x-acs-version": "2017-07-05"}), 400, "InvalidVersion"),
        (signed(headers={"x-acs-version": "2016-01-20"}), 400, "InvalidVersion"),
        (UNSIGNED, 400, "MissingAccessKeyId"),
        (signed(unsigned={"Authorization": "ACS3-HMAC-SHA256 Credential=STS.local"}), 400, "IncompleteSignature"),
        (signed(access_key_id="STS.other"), 404, "InvalidAccessKeyId.NotFound"),
        (signed(leave_out=("x-acs-date",)), 400, "MissingTimestamp"),
        *(
            (signed(headers={"x-acs-date": text}), 400, "InvalidTimeStamp.Format")
            for text in (
                "20261122T053419Z",
                "2026-11-22 05:34:19Z",
                "2026-11-22T5:34:19Z",
                "2026-13-22T05:34:19Z",
                "2026-11-22T05:34:19+00:00",
                "now",
                "٢٠٢٦-11-22T05:34:19Z",
            )
        ),
        *(
            (signed(headers={"x-acs-date": text}), 400, "InvalidTimeStamp.Expired")
            for text in ("2026-11-22T05:19:18Z", "2026-11-22T05:49:20Z", "2025-11-22T05:34:19Z")
        ),
        (signed(leave_out=("x-acs-signature-nonce",)), 400, "MissingSignatureNonce"),
        (signed(secret="wrong"), 400, "SignatureDoesNotMatch"),
        (signed(leave_out=("x-acs-security-token",)), 400, "MissingSecurityToken"),
        (signed(headers={"x-acs-security-token": "other"}), 400, "InvalidSecurityToken.MismatchWithAccessKey"),
        (signed({"JobId": "j"}), 400, "MissingInstanceId"),
        (signed({"InstanceId": "i"}), 400, "MissingJobId"),
        (signed({**MUTE, "JobId": " "}), 400, "MissingJobId"),
    ],
)
def test_a_refused_request_says_why_and_changes_nothing(
    ask_json: AskJson, endpoint: Endpoint, request_: Request, status: int, code: str
) -> None:
    answered, body = ask_json(request_)

    assert (answered, body["Code"]) == (status, code)
    assert body["Message"]
    assert endpoint.record.as_json()[0]["status"] == status
    assert endpoint.snapshot()["calls"][0]["channels"][0]["flags"] == []


def test_the_body_has_host_and_recommendation(ask_json: AskJson) -> None:
    _, body = ask_json(signed(access_key_id="STS.other"))

    request_id = body["RequestId"]
    assert re.fullmatch(r"[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}", request_id)
    assert body == {
        "RequestId": request_id,
        "HostId": "ccc.cn-shanghai.aliyuncs.com",
        "Code": "InvalidAccessKeyId.NotFound",
        "Message": "Specified access key is not found.",
        "Recommend": "https://api.aliyun.com/troubleshoot?q=InvalidAccessKeyId.NotFound&product=CCC"
        f"&requestId={request_id}",
    }


def test_an_unknown_code_has_a_text_too() -> None:
    body = gateway_error("ID", GatewayError("Strange.Code ü"), PRODUCTS[0])

    assert body["Message"] == "The request has failed."
    assert "q=Strange.Code%20%C3%BC&" in body["Recommend"]


@pytest.mark.parametrize("stamp", ["2026-11-22T05:19:19Z", "2026-11-22T05:49:19Z"])
def test_fifteen_minutes_either_way_are_accepted(ask_json: AskJson, stamp: str) -> None:
    assert ask_json(signed(headers={"x-acs-date": stamp}))[0] == 200


def test_a_nonce_is_accepted_once(ask_json: AskJson) -> None:
    request_ = signed()
    assert ask_json(request_)[0] == 200

    status, body = ask_json(request_)

    assert (status, body["Code"]) == (400, "SignatureNonceUsed")


def test_of_many_equal_requests_one_is_accepted(ask_json: AskJson) -> None:
    request = signed()
    with ThreadPoolExecutor(8) as pool:
        statuses = [status for status, _ in pool.map(lambda _: ask_json(request), range(100))]

    assert statuses.count(200) == 1


def test_a_forged_request_uses_up_no_nonce(ask_json: AskJson) -> None:
    genuine = signed()

    assert ask_json(replace(genuine, target=genuine.target + "&ChannelId=other"))[1]["Code"] == "SignatureDoesNotMatch"
    assert ask_json(genuine)[0] == 200


def test_a_nonce_is_remembered_while_its_timestamp_could_pass(ask_json: AskJson, clock: FakeClock) -> None:
    early = signed(headers={"x-acs-date": "2026-11-22T05:49:19Z"})
    assert ask_json(early)[0] == 200

    clock.now += timedelta(minutes=30)
    assert ask_json(early)[1]["Code"] == "SignatureNonceUsed"
    clock.now += timedelta(seconds=1)
    assert ask_json(early)[1]["Code"] == "InvalidTimeStamp.Expired"


def test_a_long_term_key_has_no_token(clock: FakeClock) -> None:
    endpoint = Endpoint(access_key=AccessKey("LTAI", "secret", ""), clock=clock)

    def status(request: Request) -> int | None:
        answer: Answer | None = endpoint.handle(request).answer
        return answer.status if answer else None

    without = signed(access_key_id="LTAI", secret="secret", leave_out=("x-acs-security-token",))
    assert status(without) == 200
    assert status(signed(access_key_id="LTAI", secret="secret")) == 400


def test_the_first_failing_check_answers(ask_json: AskJson) -> None:
    """A request with every fault loses them one by one, in the order of the gateway's checks."""
    used = signed()
    ask_json(used)
    nonce = used.header("x-acs-signature-nonce")
    all_wrong: dict[str, str] = {
        "x-acs-version": "1999-01-01",
        "x-acs-action": "NoCall",
        "x-acs-date": "2026-01-01T00:00:00Z",
        "x-acs-signature-nonce": nonce,
        "x-acs-security-token": "other",
    }
    seen = []
    key, secret = "STS.other", "wrong"
    for mend in ("", "x-acs-version", "x-acs-action", "key", "x-acs-date", "secret", "x-acs-signature-nonce"):
        all_wrong.pop(mend, None)
        key = "STS.local" if mend == "key" else key
        secret = "local-secret" if mend == "secret" else secret
        seen.append(ask_json(signed({}, headers=all_wrong, access_key_id=key, secret=secret))[1]["Code"])
    seen.append(ask_json(signed({}))[1]["Code"])
    seen.append(ask_json(signed({"InstanceId": "none", "JobId": "none"}))[1]["Code"])

    assert seen == [
        "InvalidVersion",
        "InvalidAction.NotFound",
        "InvalidAccessKeyId.NotFound",
        "InvalidTimeStamp.Expired",
        "SignatureDoesNotMatch",
        "SignatureNonceUsed",
        "InvalidSecurityToken.MismatchWithAccessKey",
        "MissingInstanceId",
        "NotExists.InstanceId",
    ]
