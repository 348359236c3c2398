from dataclasses import replace

import pytest

from local.simulator import signature_v1
from local.simulator.errors import GatewayError
from local.simulator.request import Request
from tests.unit.local.simulator.signing import signed_v1

# The worked example of the RPC-style API reference, "Signature method": access key testid, secret testsecret.
EXAMPLE = Request(
    "GET",
    "/",
    "Timestamp=2016-02-23T12%3A46%3A24Z&Format=XML&AccessKeyId=testid&Action=DescribeRegions"
    "&SignatureMethod=HMAC-SHA1&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&Version=2014-05-26"
    "&SignatureVersion=1.0&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D",
)


def test_the_documented_example_holds() -> None:
    claim = signature_v1.claim(EXAMPLE)

    assert claim.string_to_sign == (
        "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMethod%3DHMAC-SHA1"
        "%26SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0"
        "%26Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26"
    )
    assert signature_v1.sign("testsecret", claim.string_to_sign) == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="
    assert claim.holds("testsecret")
    assert not claim.holds("testsecret&")


def test_a_mismatch_shows_the_string_to_sign() -> None:
    claim = signature_v1.claim(EXAMPLE)

    assert claim.mismatch == (
        f"Specified signature is not matched with our calculation. server string to sign is:{claim.string_to_sign}"
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("in_form", [False, True])
def test_parameters_are_signed_wherever_they_are(method: str, in_form: bool) -> None:  # noqa: FBT001 - a table's column
    request = signed_v1({"A": "", "B": "a b*~/'ü"}, method=method, in_form=in_form)

    assert signature_v1.claim(request).holds("local-secret")


@pytest.mark.parametrize(
    "tampered",
    [
        replace(EXAMPLE, method="POST"),
        replace(EXAMPLE, query=EXAMPLE.query.replace("XML", "JSON")),
        replace(EXAMPLE, query=EXAMPLE.query.replace("DescribeRegions", "DescribeZones")),
        replace(EXAMPLE, query=EXAMPLE.query + "&Extra="),
        replace(EXAMPLE, query=EXAMPLE.query.replace("Format=XML&", "")),
        replace(EXAMPLE, query=EXAMPLE.query.replace("3ee8", "3ee9")),
        replace(EXAMPLE, query=EXAMPLE.query.replace("12%3A46", "12%3A47")),
        replace(EXAMPLE, query=EXAMPLE.query.replace("testid", "otherid")),
        replace(EXAMPLE, query=EXAMPLE.query.replace("OLea", "OLeb")),
        replace(EXAMPLE, query=EXAMPLE.query.replace("OLea", "%C3%A9")),
        replace(EXAMPLE, headers=(("Content-Type", "application/x-www-form-urlencoded"),), body=b"InstanceId=ccc-test"),
    ],
)
def test_a_tampered_request_does_not_hold(tampered: Request) -> None:
    assert not signature_v1.claim(tampered).holds("testsecret")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (signed_v1(leave_out=("AccessKeyId",)), "MissingAccessKeyId"),
        (signed_v1({"AccessKeyId": ""}), "MissingAccessKeyId"),
        (signed_v1(leave_out=("Signature",)), "MissingSignature"),
        (signed_v1(leave_out=("SignatureMethod",)), "IncompleteSignature"),
        (signed_v1({"SignatureMethod": "HMAC-SHA256"}), "IncompleteSignature"),
        (signed_v1({"SignatureVersion": "2.0"}), "IncompleteSignature"),
    ],
)
def test_an_incomplete_signature_is_refused(request_: Request, code: str) -> None:
    with pytest.raises(GatewayError) as caught:
        signature_v1.claim(request_)

    assert caught.value.code == code
