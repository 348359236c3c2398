"""KMS and STS as the client sees them, and the secrets of the control plane."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from local.http import Answer
from local.simulator import Simulator, control
from local.simulator.endpoint import Endpoint
from local.simulator.request import Request
from local.simulator.state import SecretError, Vault
from tests.unit.local.simulator.signing import NOW, signed

AskJson = Callable[[Request], tuple[int, dict[str, Any]]]

KMS = {"x-acs-action": "GetSecretValue", "x-acs-version": "2016-01-20"}
STS = {"x-acs-action": "GetCallerIdentity", "x-acs-version": "2015-04-01"}


def secret(name: str = "crm", stage: str | None = None, **request: Any) -> Request:
    parameters = {"SecretName": name} | ({} if stage is None else {"VersionStage": stage})
    return signed(parameters, headers=KMS, **request)


def put(endpoint: Endpoint, body: object) -> tuple[int, dict[str, Any]]:
    answer = control.handle(endpoint, Request("POST", "/_simulator/secrets", body=json.dumps(body).encode()))
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    "request_",
    [
        secret(),
        secret(stage="ACSCurrent"),
    ],
)
def test_the_current_version_is_answered_as_documented(
    ask_json: AskJson, endpoint: Endpoint, request_: Request
) -> None:
    put(endpoint, {"name": "crm", "value": "geheim ü"})

    status, body = ask_json(request_)

    assert status == 200
    assert body == {
        "RequestId": body["RequestId"],
        "SecretName": "crm",
        "SecretType": "Generic",
        "VersionId": "v1",
        "CreateTime": "2026-11-22T05:34:19Z",
        "SecretData": "geheim ü",
        "SecretDataType": "text",
        "VersionStages": {"VersionStage": ["ACSCurrent"]},
    }


def test_a_new_version_makes_the_current_one_the_previous_one(ask_json: AskJson, endpoint: Endpoint) -> None:
    answers = [put(endpoint, {"name": "crm", "value": value}) for value in ("one", "two", "three")]

    current, previous = ask_json(secret())[1], ask_json(secret(stage="ACSPrevious"))[1]

    assert answers[-1] == (200, {"name": "crm", "version_id": "v3", "stage": "ACSCurrent"})
    assert (current["SecretData"], current["VersionId"]) == ("three", "v3")
    assert (previous["SecretData"], previous["VersionId"]) == ("two", "v2")
    assert previous["VersionStages"] == {"VersionStage": ["ACSPrevious"]}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (secret("other"), (404, "Forbidden.ResourceNotFound")),
        (secret(stage="ACSPrevious"), (404, "Forbidden.ResourceNotFound")),
        (secret(" "), (400, "MissingSecretName")),
        (secret(secret="wrong"), (400, "SignatureDoesNotMatch")),
        (signed({"SecretName": "crm"}, headers={**KMS, "x-acs-version": "2020-07-01"}), (400, "InvalidVersion")),
    ],
)
def test_what_is_not_there_is_refused_in_the_shape_of_the_gateway(
    endpoint: Endpoint, request_: Request, expected: tuple[int, str]
) -> None:
    endpoint.put_secret("crm", "one")

    answer = endpoint.handle(request_).answer

    assert answer is not None
    body = json.loads(answer.body)
    assert (answer.status, body["Code"]) == expected
    assert body["HostId"] == "kms.cn-shanghai.aliyuncs.com"
    assert "&product=Kms&" in body["Recommend"]
    assert set(body) == {"RequestId", "HostId", "Code", "Message", "Recommend"}


def test_a_secret_is_answered_in_xml_too(ask: Callable[[Request], Answer], endpoint: Endpoint) -> None:
    endpoint.put_secret("crm", "a<b")

    root = ET.fromstring(ask(secret(leave_out=("accept",))).body)  # noqa: S314 - made by the code under test

    assert (root.tag, root.findtext("SecretData")) == ("GetSecretValueResponse", "a<b")
    assert root.findtext("VersionStages/VersionStage") == "ACSCurrent"


def test_no_value_of_a_secret_is_shown(ask_json: AskJson, endpoint: Endpoint) -> None:
    for value in ("hidden-one", "hidden-two", "hidden-three"):
        endpoint.put_secret("crm", value)
    ask_json(secret())

    state = endpoint.snapshot()

    assert state["secrets"] == [
        {
            "name": "crm",
            "versions": [
                {"version_id": "v1", "stage": None},
                {"version_id": "v2", "stage": "ACSPrevious"},
                {"version_id": "v3", "stage": "ACSCurrent"},
            ],
        }
    ]
    assert "hidden" not in json.dumps(state) + repr(endpoint.state.vault.find("crm", "ACSCurrent"))


def test_a_reset_forgets_every_secret(ask_json: AskJson, endpoint: Endpoint) -> None:
    endpoint.put_secret("crm", "one")

    endpoint.reset({})

    assert ask_json(secret())[0] == 404
    assert endpoint.snapshot()["secrets"] == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([], "secret: must be a JSON object of name and value"),
        ({"name": "crm"}, "secret: must be a JSON object of name and value"),
        ({"name": "crm", "value": "hidden", "stage": "x"}, "secret: must be a JSON object of name and value"),
        ({"name": "", "value": "hidden"}, "name: must be 1 to 64 letters, digits and _/+=.@-"),
        ({"name": "a b", "value": "hidden"}, "name: must be"),
        ({"name": "a" * 65, "value": "hidden"}, "name: must be"),
        ({"name": 1, "value": "hidden"}, "name: must be"),
        ({"name": "crm", "value": ""}, "value: must be a string of 1 to 30720 bytes"),
        ({"name": "crm", "value": 5}, "value: must be"),
        ({"name": "crm", "value": "hidden" * 6000}, "value: must be"),
    ],
)
def test_an_invalid_secret_is_not_put(endpoint: Endpoint, body: object, text: str) -> None:
    status, answer = put(endpoint, body)

    assert status == 400
    assert answer["error"].startswith(text)
    assert "hidden" not in answer["error"]
    assert endpoint.snapshot()["secrets"] == []


def test_the_simulator_takes_a_secret_from_python() -> None:
    simulator = Simulator()
    simulator.put_secret("crm", "one")

    assert [each["name"] for each in simulator.snapshot()["secrets"]] == ["crm"]
    with pytest.raises(SecretError):
        Vault().put("crm", None, NOW)


def test_the_identity_is_the_role_of_the_key(ask_json: AskJson) -> None:
    status, body = ask_json(signed({}, headers=STS))

    assert status == 200
    assert body == {
        "RequestId": body["RequestId"],
        "IdentityType": "AssumedRoleUser",
        "AccountId": "1234567890123456",
        "PrincipalId": "300000000000000001:session",
        "RoleId": "300000000000000001",
        "Arn": "acs:sts::1234567890123456:assumed-role/mute-call-function/session",
    }


def test_a_wrong_key_has_no_identity(ask_json: AskJson) -> None:
    status, body = ask_json(signed({}, headers=STS, access_key_id="STS.other"))

    assert (status, body["Code"], body["HostId"]) == (
        404,
        "InvalidAccessKeyId.NotFound",
        "sts.cn-shanghai.aliyuncs.com",
    )
