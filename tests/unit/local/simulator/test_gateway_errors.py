"""Every error of the gateway, asked for through the endpoint, and the order of its checks."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.simulator.delivery import Answer
from local.simulator.endpoint import Endpoint
from local.simulator.errors import GatewayError
from local.simulator.options import AccessKey
from local.simulator.products import PRODUCTS
from local.simulator.refusal import gateway_error
from local.simulator.request import Request
from tests.unit.local.simulator.conftest import FakeClock
from tests.unit.local.simulator.signing import MUTE, signed_v1, signed_v3

AskJson = Callable[[Request], tuple[int, dict[str, Any]]]

JSON = {"Format": "JSON"}
UNSIGNED = Request("POST", "/", "Format=JSON&Action=MuteCall&Version=2020-07-01", (("Host", "127.0.0.1"),))


@pytest.mark.parametrize(
    ("request_", "status", "code", "message"),
    [
        (
            signed_v3(path="/x"),
            404,
            "InvalidAction.NotFound",
            "Specified api is not found, please check your url and method.",
        ),
        (signed_v3(method="PUT"), 404, "InvalidAction.NotFound", "Specified api is not found, please check"),
        (signed_v3(headers={"x-acs-action": "HoldCall"}), 404, "InvalidAction.NotFound", "Specified api is not found"),
        (signed_v1({"Action": "HoldCall"}), 404, "InvalidAction.NotFound", "Specified api is not found"),
        (signed_v3(leave_out=("x-acs-action",)), 400, "MissingAction", "Action is mandatory for this action."),
        (signed_v3(leave_out=("x-acs-version",)), 400, "MissingVersion", "Version is mandatory for this action."),
        (signed_v3(headers={"x-acs-version": "2017-07-05"}), 400, "InvalidVersion", "Specified parameter Version is"),
        (signed_v3(headers={"x-acs-version": "2016-01-20"}), 400, "InvalidVersion", "Specified parameter Version is"),
        (signed_v1({"Version": "2015-04-01"}), 400, "InvalidVersion", "Specified parameter Version is"),
        (UNSIGNED, 400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action."),
        (signed_v1(leave_out=("Signature",)), 400, "MissingSignature", "Signature is mandatory for this action."),
        (
            signed_v3(unsigned={"Authorization": "ACS3-HMAC-SHA256 Credential=STS.local"}),
            400,
            "IncompleteSignature",
            "The request signature does not conform to Aliyun standards.",
        ),
        (
            signed_v3(access_key_id="STS.other"),
            404,
            "InvalidAccessKeyId.NotFound",
            "Specified access key is not found.",
        ),
        (signed_v1({"AccessKeyId": "other"}), 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."),
        (signed_v3(leave_out=("x-acs-date",)), 400, "MissingTimestamp", "Timestamp is mandatory for this action."),
        *(
            (
                signed_v3(headers={"x-acs-date": text}),
                400,
                "InvalidTimeStamp.Format",
                "Specified time stamp or date value is not well formatted.",
            )
            for text in (
                "20261122T053419Z",
                "2026-11-22T05:34:19",
                "2026-11-22 05:34:19Z",
                "2026-11-22T5:34:19Z",
                "2026-13-22T05:34:19Z",
                "2026-11-22T05:34:61Z",
                "2026-11-22T05:34:19+00:00",
                "now",
                "٢٠٢٦-11-22T05:34:19Z",
            )
        ),
        *(
            (
                signed_v3(headers={"x-acs-date": text}),
                400,
                "InvalidTimeStamp.Expired",
                "Specified time stamp or date value is expired.",
            )
            for text in ("2026-11-22T05:19:18Z", "2026-11-22T05:49:20Z", "2025-11-22T05:34:19Z")
        ),
        (
            signed_v1({"Timestamp": "2026-11-22T05:49:20Z"}),
            400,
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ),
        (
            signed_v3(leave_out=("x-acs-signature-nonce",)),
            400,
            "MissingSignatureNonce",
            "SignatureNonce is mandatory for this action.",
        ),
        (
            signed_v3(secret="wrong"),
            400,
            "SignatureDoesNotMatch",
            "Specified signature does not match our calculation. server StringToSign is [ACS3-HMAC-SHA256\n",
        ),
        (
            signed_v1(secret="wrong"),
            400,
            "SignatureDoesNotMatch",
            "Specified signature is not matched with our calculation. server string to sign is:GET&%2F&",
        ),
        (
            signed_v3(leave_out=("x-acs-security-token",)),
            400,
            "MissingSecurityToken",
            "SecurityToken is mandatory for this action.",
        ),
        (
            signed_v3(headers={"x-acs-security-token": "other"}),
            400,
            "InvalidSecurityToken.MismatchWithAccessKey",
            "Specified SecurityToken mismatch with the AccessKey.",
        ),
        (
            signed_v1({"SecurityToken": "other"}),
            400,
            "InvalidSecurityToken.MismatchWithAccessKey",
            "Specified SecurityToken mismatch with the AccessKey.",
        ),
        (signed_v3({"JobId": "j"}), 400, "MissingInstanceId", "InstanceId is mandatory for this action."),
        (signed_v3({"InstanceId": "i"}), 400, "MissingJobId", "JobId is mandatory for this action."),
        (signed_v3({**MUTE, "JobId": " "}), 400, "MissingJobId", "JobId is mandatory for this action."),
    ],
)
def test_a_refused_request_says_why(
    ask_json: AskJson, endpoint: Endpoint, request_: Request, status: int, code: str, message: str
) -> None:
    answered, body = ask_json(request_)

    assert (answered, body["Code"]) == (status, code)
    assert body["Message"].startswith(message)
    assert endpoint.record.as_json()[0]["status"] == status
    assert endpoint.snapshot()["calls"][0]["channels"][0]["flags"] == []


def test_the_body_has_host_and_recommendation(ask_json: AskJson) -> None:
    _, body = ask_json(signed_v3(access_key_id="STS.other"))

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
    assert ask_json(signed_v3(headers={"x-acs-date": stamp}))[0] == 200


@pytest.mark.parametrize("request_", [signed_v3(), signed_v1()])
def test_a_nonce_is_accepted_once(ask_json: AskJson, request_: Request) -> None:
    assert ask_json(request_)[0] == 200

    status, body = ask_json(request_)

    assert (status, body["Code"], body["Message"]) == (
        400,
        "SignatureNonceUsed",
        "Specified signature nonce was used already.",
    )


def test_a_forged_request_uses_up_no_nonce(ask_json: AskJson) -> None:
    genuine = signed_v3()

    assert ask_json(replace(genuine, query=genuine.query + "&ChannelId=other"))[1]["Code"] == "SignatureDoesNotMatch"
    assert ask_json(genuine)[0] == 200


def test_a_nonce_is_remembered_while_its_timestamp_could_pass(ask_json: AskJson, clock: FakeClock) -> None:
    early = signed_v3(headers={"x-acs-date": "2026-11-22T05:49:19Z"})
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

    without = signed_v3(access_key_id="LTAI", secret="secret", leave_out=("x-acs-security-token",))
    assert status(without) == 200
    assert status(signed_v3(access_key_id="LTAI", secret="secret")) == 400


def test_the_first_failing_check_answers(ask_json: AskJson) -> None:
    """A request with every fault loses them one by one, in the order of the gateway's checks."""
    used = signed_v3()
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
    for mend in ("", "x-acs-version", "x-acs-action", "key", "x-acs-date", "x-acs-signature-nonce", "secret"):
        all_wrong.pop(mend, None)
        key = "STS.local" if mend == "key" else key
        secret = "local-secret" if mend == "secret" else secret
        seen.append(ask_json(signed_v3({}, headers=all_wrong, access_key_id=key, secret=secret))[1]["Code"])
    seen.append(ask_json(signed_v3({}))[1]["Code"])
    seen.append(ask_json(signed_v3({"InstanceId": "none", "JobId": "none"}))[1]["Code"])

    assert seen == [
        "InvalidVersion",
        "InvalidAction.NotFound",
        "InvalidAccessKeyId.NotFound",
        "InvalidTimeStamp.Expired",
        "SignatureNonceUsed",
        "SignatureDoesNotMatch",
        "InvalidSecurityToken.MismatchWithAccessKey",
        "MissingInstanceId",
        "NotExists.InstanceId",
    ]
