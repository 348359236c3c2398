"""Successes and business errors as the client sees them, under each option, in JSON and in XML."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from local.http import Answer
from local.simulator.endpoint import Endpoint
from local.simulator.request import Request
from local.simulator.state import AGENT_CHANNEL_ID, CUSTOMER_CHANNEL_ID, JOB_ID
from tests.unit.local.simulator.signing import MUTE, signed

Ask = Callable[[Request], Answer]
AskJson = Callable[[Request], tuple[int, dict[str, Any]]]
WithOptions = Callable[..., Endpoint]

AGENT_CHANNEL = {
    "Index": 1,
    "ChannelId": AGENT_CHANNEL_ID,
    "ChannelState": "ANSWERED",
    "ChannelFlags": "MUTED",
    "CallType": "OUTBOUND",
    "JobId": JOB_ID,
    "Originator": "13188888888",
    "Destination": "80011474",
    "UserId": "user-test@ccc-test",
    "UserExtension": "80011474",
    "SkillGroupId": "skg-default@ccc-test",
    "Timestamp": 1609253212511,
    "ReleaseInitiator": "",
    "ReleaseReason": "",
}
CUSTOMER_CHANNEL = {
    **AGENT_CHANNEL,
    "Index": 2,
    "ChannelId": CUSTOMER_CHANNEL_ID,
    "ChannelFlags": "",
    "UserId": "",
    "UserExtension": "",
}
USER_CONTEXT = {
    "InstanceId": "ccc-test",
    "UserId": "user-test@ccc-test",
    "DeviceId": "ACC-YUNBS-1.0.10-bs736efb521810000176aef6e955",
    "Extension": "80011474",
    "JobId": JOB_ID,
    "UserState": "TALKING",
    "WorkMode": "ON_SITE",
    "OutboundScenario": False,
    "BreakCode": "Warm-up",
    "Mobile": "13900000001",
    "Heartbeat": 1609253205896,
    "Reserved": 1609253204811,
    "SignedSkillGroupIdList": ["skill-group@ccc-test"],
}
UNKNOWN_JOB = {**MUTE, "JobId": "job-1"}


def body_of(endpoint: Endpoint, request: Request) -> tuple[int, dict[str, Any]]:
    answer = endpoint.handle(request).answer
    assert answer is not None
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("request_", [signed(), signed(method="GET")])
def test_a_success_has_real_types(ask_json: AskJson, request_: Request) -> None:
    status, body = ask_json(request_)

    request_id = body.pop("RequestId")
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", request_id)
    assert status == 200
    assert body == {
        "HttpStatusCode": 200,
        "Code": "OK",
        "Message": "",
        "Params": [],
        "Data": {
            "CallContext": {
                "CallType": "OUTBOUND",
                "InstanceId": "ccc-test",
                "JobId": JOB_ID,
                "ChannelContexts": [AGENT_CHANNEL, CUSTOMER_CHANNEL],
            },
            "UserContext": USER_CONTEXT,
        },
    }


def test_parameters_may_come_in_a_form_body(ask_json: AskJson) -> None:
    form = signed(
        {"InstanceId": "ccc-test"},
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=b"JobId=job-65815360847228928&InstanceId=ignored-the-query-comes-first",
    )

    assert ask_json(form)[0] == 200


def test_several_flags_are_one_string(ask_json: AskJson, endpoint: Endpoint) -> None:
    endpoint.state.instances["ccc-test"].calls[JOB_ID].channels[0].flags = {"HOLD", "COACHED"}

    body = ask_json(signed())[1]

    assert body["Data"]["CallContext"]["ChannelContexts"][0]["ChannelFlags"] == "COACHED,HOLD,MUTED"


def test_a_business_error_has_params_and_no_host(ask_json: AskJson) -> None:
    status, body = ask_json(signed(UNKNOWN_JOB))

    assert status == 404
    assert body == {
        "RequestId": body["RequestId"],
        "HttpStatusCode": 404,
        "Code": "NotExists.JobId",
        "Message": "The call job-1 does not exist.",
        "Params": ["job-1"],
    }


def test_business_errors_may_come_with_200(with_options: WithOptions) -> None:
    status, body = body_of(with_options(business_errors="http-200"), signed(UNKNOWN_JOB))

    assert (status, body["HttpStatusCode"], body["Code"]) == (200, 404, "NotExists.JobId")


@pytest.mark.parametrize(("choice", "expected"), [("ok", [200, 200]), ("error", [200, 400])])
def test_a_repeated_mute(with_options: WithOptions, choice: str, expected: list[int]) -> None:
    endpoint = with_options(repeated_mute=choice)

    assert [body_of(endpoint, signed())[0], body_of(endpoint, signed())[0]] == expected


def xml_of(endpoint: Endpoint, request: Request) -> tuple[int, str, ET.Element]:
    answer = endpoint.handle(request).answer
    assert answer is not None
    assert answer.headers["Content-Type"] == "text/xml;charset=utf-8"
    text = answer.body.decode()
    assert text.startswith("<?xml version='1.0' encoding='UTF-8'?>")
    return answer.status, text, ET.fromstring(text)  # noqa: S314 - made by the code under test


def test_xml_is_the_default(endpoint: Endpoint) -> None:
    status, text, root = xml_of(endpoint, signed(leave_out=("accept",)))

    assert (status, root.tag, root.findtext("Code"), root.findtext("Message")) == (200, "MuteCallResponse", "OK", "")
    assert root.findtext("Data/CallContext/ChannelContexts/ChannelId") == AGENT_CHANNEL_ID
    assert len(root.findall("Data/CallContext/ChannelContexts")) == 2
    assert root.findtext("Data/UserContext/OutboundScenario") == "false"
    assert root.findtext("Data/UserContext/SignedSkillGroupIdList") == "skill-group@ccc-test"
    assert "-&gt;80011474" in text


def test_a_gateway_error_in_xml(endpoint: Endpoint) -> None:
    status, text, root = xml_of(endpoint, signed(headers={"accept": "*/*", "x-acs-action": "NoCall"}))

    assert (status, root.tag) == (404, "Error")
    request_id = root.findtext("RequestId")
    assert (
        "<Recommend>https://api.aliyun.com/troubleshoot?q=InvalidAction.NotFound&amp;product=CCC"
        f"&amp;requestId={request_id}</Recommend></Error>"
    ) in text


def test_a_business_error_in_xml(endpoint: Endpoint, with_options: WithOptions) -> None:
    request = signed(UNKNOWN_JOB, leave_out=("accept",))
    status, _, root = xml_of(endpoint, request)
    assert (status, root.tag, root.findtext("Params")) == (404, "Error", "job-1")

    status, _, root = xml_of(with_options(business_errors="http-200"), request)
    assert (status, root.tag) == (200, "MuteCallResponse")


def test_text_is_sent_as_it_is_where_it_may(ask: Ask) -> None:
    wide = {**MUTE, "JobId": '"无"'}

    assert '"Params":["\\"无\\""]}'.encode() in ask(signed(wide)).body
    assert '<Params>"无"</Params>'.encode() in ask(signed(wide, leave_out=("accept",))).body


def test_what_xml_cannot_hold_is_replaced(endpoint: Endpoint) -> None:
    request = signed({**MUTE, "JobId": "<&]]>\x00\x1b\ufffe😀"}, leave_out=("accept",))

    assert xml_of(endpoint, request)[2].findtext("Params") == "<&]]>\ufffd\ufffd\ufffd😀"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/html, Application/JSON;q=0.9", "application/json;charset=utf-8"),
        ("*/*", "text/xml;charset=utf-8"),
        ("application/json-seq", "text/xml;charset=utf-8"),
    ],
)
def test_the_client_chooses_the_format(ask: Ask, accept: str, expected: str) -> None:
    assert ask(signed(headers={"accept": accept})).headers["Content-Type"] == expected
