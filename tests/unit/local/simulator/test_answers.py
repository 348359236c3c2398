"""Successes and business errors as the client sees them, under each option, in JSON and in XML."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from local.simulator.delivery import Answer
from local.simulator.endpoint import Endpoint
from local.simulator.request import Request
from local.simulator.state import AGENT_CHANNEL_ID, CUSTOMER_CHANNEL_ID, JOB_ID
from tests.unit.local.simulator.signing import MUTE, signed_v1, signed_v3

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


@pytest.mark.parametrize("request_", [signed_v3(), signed_v3(method="GET"), signed_v1(), signed_v1(in_form=True)])
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


def test_each_answer_has_its_own_request_id(ask_json: AskJson) -> None:
    assert ask_json(signed_v3())[1]["RequestId"] != ask_json(signed_v3())[1]["RequestId"]


def test_parameters_may_come_in_a_form_body(ask_json: AskJson) -> None:
    form = signed_v3(
        {"InstanceId": "ccc-test"},
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=b"JobId=job-65815360847228928&InstanceId=ignored-the-query-comes-first",
    )

    assert ask_json(form)[0] == 200


def test_several_flags_are_one_string(ask_json: AskJson, endpoint: Endpoint) -> None:
    endpoint.state.instances["ccc-test"].calls[JOB_ID].channels[0].flags = {"HOLD", "COACHED"}

    body = ask_json(signed_v3())[1]

    assert body["Data"]["CallContext"]["ChannelContexts"][0]["ChannelFlags"] == "COACHED,HOLD,MUTED"


def test_a_business_error_has_params_and_no_host(ask_json: AskJson) -> None:
    status, body = ask_json(signed_v3(UNKNOWN_JOB))

    assert status == 404
    assert body == {
        "RequestId": body["RequestId"],
        "HttpStatusCode": 404,
        "Code": "NotExists.JobId",
        "Message": "The call job-1 does not exist.",
        "Params": ["job-1"],
    }


def test_business_errors_may_come_with_200(with_options: WithOptions) -> None:
    status, body = body_of(with_options(business_errors="http-200"), signed_v3(UNKNOWN_JOB))

    assert (status, body["HttpStatusCode"], body["Code"]) == (200, 404, "NotExists.JobId")


def test_gateway_errors_keep_their_status_then(with_options: WithOptions) -> None:
    assert body_of(with_options(business_errors="http-200"), signed_v3(secret="wrong"))[0] == 400


@pytest.mark.parametrize(("choice", "expected"), [("ok", [200, 200]), ("error", [200, 400])])
def test_a_repeated_mute(with_options: WithOptions, choice: str, expected: list[int]) -> None:
    endpoint = with_options(repeated_mute=choice)

    assert [body_of(endpoint, signed_v3())[0], body_of(endpoint, signed_v3())[0]] == expected


def test_a_missing_parameter_may_be_refused_by_ccc(with_options: WithOptions) -> None:
    status, body = body_of(with_options(missing_parameter="ccc"), signed_v3({"InstanceId": "ccc-test"}))

    assert (status, body["Code"], body["Params"]) == (400, "Parameter.Blank", ["JobId"])
    assert body["Message"] == "The parameter JobId may not be null or blank."
    assert "HostId" not in body


def test_empty_fields_may_be_null(with_options: WithOptions) -> None:
    body = body_of(with_options(empty_fields="null"), signed_v3())[1]

    customer = body["Data"]["CallContext"]["ChannelContexts"][1]
    assert (body["Message"], body["Params"]) == (None, None)
    assert customer == {
        **CUSTOMER_CHANNEL,
        **dict.fromkeys(("ChannelFlags", "UserId", "UserExtension", "ReleaseInitiator", "ReleaseReason")),
    }
    assert body["Data"]["UserContext"] == USER_CONTEXT


def test_empty_fields_may_be_left_out(with_options: WithOptions) -> None:
    body = body_of(with_options(empty_fields="omitted"), signed_v3())[1]

    assert set(body) == {"RequestId", "HttpStatusCode", "Code", "Data"}
    assert set(CUSTOMER_CHANNEL) - set(body["Data"]["CallContext"]["ChannelContexts"][1]) == {
        "ChannelFlags",
        "UserId",
        "UserExtension",
        "ReleaseInitiator",
        "ReleaseReason",
    }
    assert body["Data"]["UserContext"]["OutboundScenario"] is False


def test_the_documented_body_is_strings_throughout(with_options: WithOptions) -> None:
    endpoint = with_options(success_body="documented")
    endpoint.state.instances["ccc-test"].agents["user-test@ccc-test"].skill_group_ids = ["skill-group@ccc-test", "组"]
    body = body_of(endpoint, signed_v3())[1]

    agent, customer = body["Data"]["CallContext"]["ChannelContexts"]
    assert {key: value for key, value in body.items() if key not in ("RequestId", "Data")} == {
        "HttpStatusCode": "200",
        "Code": "OK",
        "Message": "无",
        "Params": "无",
    }
    expected = {**AGENT_CHANNEL, "Index": "1", "Timestamp": "1609253212511", "ChannelFlags": '["MUTED"]'}
    del expected["SkillGroupId"]
    assert agent == {**expected, "ReleaseInitiator": "无", "ReleaseReason": "无", "AssociatedData": "无"}
    assert (customer["ChannelFlags"], customer["UserId"]) == ("[]", "")
    assert body["Data"]["UserContext"] == {
        **USER_CONTEXT,
        "OutboundScenario": "false",
        "Heartbeat": "1609253205896",
        "Reserved": "1609253204811",
        "SignedSkillGroupIdList": '["skill-group@ccc-test", "组"]',
    }


def xml_of(endpoint: Endpoint, request: Request) -> tuple[int, str, ET.Element]:
    answer = endpoint.handle(request).answer
    assert answer is not None
    assert answer.headers["Content-Type"] == "text/xml;charset=utf-8"
    text = answer.body.decode()
    assert text.startswith("<?xml version='1.0' encoding='UTF-8'?>")
    return answer.status, text, ET.fromstring(text)  # noqa: S314 - made by the code under test


def test_xml_is_the_default(endpoint: Endpoint) -> None:
    status, text, root = xml_of(endpoint, signed_v3(leave_out=("accept",)))

    assert (status, root.tag, root.findtext("Code"), root.findtext("Message")) == (200, "MuteCallResponse", "OK", "")
    assert root.findtext("Data/CallContext/ChannelContexts/ChannelId") == AGENT_CHANNEL_ID
    assert len(root.findall("Data/CallContext/ChannelContexts")) == 2
    assert root.findtext("Data/UserContext/OutboundScenario") == "false"
    assert root.findtext("Data/UserContext/SignedSkillGroupIdList") == "skill-group@ccc-test"
    assert "-&gt;80011474" in text


def test_null_is_no_element(with_options: WithOptions) -> None:
    _, _, root = xml_of(with_options(empty_fields="null"), signed_v3(leave_out=("accept",)))

    assert root.find("Message") is None


def test_a_gateway_error_in_xml(endpoint: Endpoint) -> None:
    status, text, root = xml_of(endpoint, signed_v3(headers={"accept": "*/*", "x-acs-action": "NoCall"}))

    assert (status, root.tag) == (404, "Error")
    request_id = root.findtext("RequestId")
    assert (
        "<Recommend><![CDATA[https://api.aliyun.com/troubleshoot?q=InvalidAction.NotFound&product=CCC"
        f"&requestId={request_id}]]></Recommend></Error>"
    ) in text


def test_a_business_error_in_xml(endpoint: Endpoint, with_options: WithOptions) -> None:
    request = signed_v3(UNKNOWN_JOB, leave_out=("accept",))
    status, _, root = xml_of(endpoint, request)
    assert (status, root.tag, root.findtext("Params")) == (404, "Error", "job-1")

    status, _, root = xml_of(with_options(business_errors="http-200"), request)
    assert (status, root.tag) == (200, "MuteCallResponse")


def test_text_is_sent_as_it_is_where_it_may(ask: Ask) -> None:
    wide = {**MUTE, "JobId": '"无"'}

    assert '"Params":["\\"无\\""]}'.encode() in ask(signed_v3(wide)).body
    assert '<Params>"无"</Params>'.encode() in ask(signed_v3(wide, leave_out=("accept",))).body


def test_what_xml_cannot_hold_is_replaced(endpoint: Endpoint) -> None:
    request = signed_v3({**MUTE, "JobId": "<&]]>\x00\x1b\ufffe😀"}, leave_out=("accept",))

    assert xml_of(endpoint, request)[2].findtext("Params") == "<&]]>\ufffd\ufffd\ufffd😀"


@pytest.mark.parametrize(
    ("accept", "form", "expected"),
    [
        ("application/json", None, "application/json;charset=utf-8"),
        ("text/html, Application/JSON;q=0.9", None, "application/json;charset=utf-8"),
        ("*/*", None, "text/xml;charset=utf-8"),
        ("application/json-seq", None, "text/xml;charset=utf-8"),
        ("application/xml", "JSON", "application/json;charset=utf-8"),
        ("application/xml", "json", "application/json;charset=utf-8"),
        ("application/xml", "XML", "text/xml;charset=utf-8"),
    ],
)
def test_the_client_chooses_the_format(ask: Ask, accept: str, form: str | None, expected: str) -> None:
    parameters = MUTE if form is None else {**MUTE, "Format": form}

    assert ask(signed_v3(parameters, headers={"accept": accept})).headers["Content-Type"] == expected
