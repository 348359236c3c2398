import hashlib
from dataclasses import replace

import pytest

from local.simulator import signature
from local.simulator.errors import GatewayError
from local.simulator.request import Request
from tests.unit.local.simulator.signing import signed

# Recorded from the generic SDK (alibabacloud-tea-openapi 0.4.6) with the secret "secret".
QUERY = (
    "InstanceId=ccc-test&UserId=user+test%40ccc-test&DeviceId=ACC-YUNBS-1.0.10-bs7&JobId=job-65815360847228928"
    "&ChannelId=ch%3Auser%3A13188888888-%3E80011474%3A1609253204816%3Ajob-65815360847228928"
)
HEADERS = (
    ("accept", "application/json"),
    ("host", "127.0.0.1:34745"),
    ("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.12.1 Core/0.4.3 TeaDSL/2"),
    ("x-acs-accesskey-id", "STS.NTestAk"),
    ("x-acs-action", "MuteCall"),
    ("x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("x-acs-credentials-provider", "static_sts"),
    ("x-acs-date", "2026-11-22T05:34:19Z"),
    ("x-acs-security-token", "CAIStoken+/="),
    ("x-acs-signature-nonce", "42c6215cf7257851e0e76a644034f141"),
    ("x-acs-version", "2020-07-01"),
)
SIGNED = ";".join(name for name, _ in HEADERS)
SIGNATURE = "0bf5259168d4c4a66c2da2d15710e4f1a00f3b2632c19fd6fe25256424f7ae82"
AUTHORIZATION = f"ACS3-HMAC-SHA256 Credential=STS.NTestAk,SignedHeaders={SIGNED},Signature={SIGNATURE}"
RECORDED = Request("POST", f"/?{QUERY}", (*HEADERS, ("Authorization", AUTHORIZATION), ("Content-Length", "0")))


def asked(query: str) -> Request:
    return replace(RECORDED, target=f"/?{query}")


def with_header(request: Request, name: str, value: str) -> Request:
    kept = [(key, old) for key, old in request.headers if key.lower() != name]
    return replace(request, headers=(*kept, (name, value)))


def test_the_recorded_request_has_the_recorded_canonical_form() -> None:
    canonical = signature.canonical_request(RECORDED, SIGNED.split(";"))

    assert hashlib.sha256(canonical.encode()).hexdigest() == (
        "9d8c48259b4d4ef3d1faf0df4dd81534f38397dac6006cf34051a9e3f2ffc988"
    )


def test_the_recorded_signature_holds_with_its_secret_only() -> None:
    claim = signature.claim(RECORDED)

    assert claim.holds("secret")
    assert not claim.holds("secre")


def test_the_claim_is_what_the_headers_say() -> None:
    claim = signature.claim(RECORDED)

    assert (claim.access_key_id, claim.timestamp, claim.nonce, claim.security_token, claim.signature) == (
        "STS.NTestAk",
        "2026-11-22T05:34:19Z",
        "42c6215cf7257851e0e76a644034f141",
        "CAIStoken+/=",
        SIGNATURE,
    )


def test_a_mismatch_shows_the_canonical_request_as_the_live_endpoint_does() -> None:
    mismatch = signature.claim(RECORDED).mismatch

    assert mismatch.startswith(
        "Specified signature does not match our calculation. server StringToSign is [ACS3-HMAC-SHA256\n"
        "9d8c48259b4d4ef3d1faf0df4dd81534f38397dac6006cf34051a9e3f2ffc988] server CanonicalRequest is [POST\n/\n"
    )
    assert "x-acs-security-token:CAIStoken+/=" in mismatch


@pytest.mark.parametrize(
    "tampered",
    [
        replace(RECORDED, method="GET"),
        replace(RECORDED, target=f"//?{QUERY}"),
        asked(QUERY.replace("ccc-test&", "ccc-prod&")),
        asked(QUERY + "&Extra="),
        asked(QUERY.partition("&")[2]),
        asked(QUERY.replace("user+test", "user%2Btest")),
        replace(RECORDED, body=b" "),
        *(with_header(RECORDED, name, value + "0") for name, value in HEADERS),
        replace(RECORDED, headers=(*RECORDED.headers, ("x-acs-action", "UnmuteCall"))),
        with_header(RECORDED, "authorization", AUTHORIZATION[:-1] + "3"),
        with_header(RECORDED, "authorization", AUTHORIZATION.replace(SIGNATURE, SIGNATURE.upper())),
        with_header(RECORDED, "authorization", AUTHORIZATION[:-1]),
        with_header(RECORDED, "authorization", AUTHORIZATION.replace("accept;host", "host;accept")),
        with_header(RECORDED, "authorization", AUTHORIZATION.replace("accept;", "")),
        with_header(RECORDED, "authorization", AUTHORIZATION[:-1] + "\u00e9"),
    ],
)
def test_a_tampered_request_does_not_hold(tampered: Request) -> None:
    assert not signature.claim(tampered).holds("secret")


@pytest.mark.parametrize(
    "unchanged",
    [
        asked(QUERY.replace("+", "%20")),
        asked("&".join(reversed(QUERY.split("&")))),
        replace(RECORDED, headers=tuple(reversed(RECORDED.headers))),
        replace(RECORDED, headers=tuple((name.upper(), value) for name, value in RECORDED.headers)),
        replace(RECORDED, headers=(*RECORDED.headers, ("Accept-Encoding", "identity"))),
        with_header(RECORDED, "authorization", AUTHORIZATION.replace(",", ", ")),
    ],
)
def test_what_is_not_part_of_the_signature_may_change(unchanged: Request) -> None:
    assert signature.claim(unchanged).holds("secret")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "ACS3-HMAC-SHA256",
        "Bearer token",
        AUTHORIZATION.replace("SHA256", "SM3", 1),
        AUTHORIZATION.replace("Credential=STS.NTestAk,", ""),
        AUTHORIZATION.replace(f"SignedHeaders={SIGNED},", ""),
        AUTHORIZATION.replace(f",Signature={SIGNATURE}", ""),
        f"{AUTHORIZATION},Signature={SIGNATURE}",
        AUTHORIZATION.replace("Credential=STS.NTestAk", f"Signature={SIGNATURE}"),
        AUTHORIZATION.replace("host;", "Host;"),
        AUTHORIZATION.replace("host;", "host;;"),
        AUTHORIZATION.replace("host;", "host;host;"),
        AUTHORIZATION.replace("host;", ""),
        AUTHORIZATION.replace("host;", "host;x-not-sent;"),
        AUTHORIZATION.replace("x-acs-security-token;", ""),
        AUTHORIZATION.replace("x-acs-action;", ""),
    ],
)
def test_an_incomplete_authorization_is_incomplete(authorization: str) -> None:
    with pytest.raises(GatewayError) as caught:
        signature.claim(with_header(RECORDED, "authorization", authorization))

    assert caught.value.code == "IncompleteSignature"


@pytest.mark.parametrize(
    "parameters", [{}, {"A": ""}, {"A": "a b*~/'()!", "B": "ü>:+%"}, {"a": "1", "B": "2", "_": "3"}, {"A b": "1"}]
)
def test_any_query_and_body_holds(parameters: dict[str, str]) -> None:
    request = signed(parameters, method="GET", body=b"\x00\xff")

    assert signature.claim(request).holds("local-secret")


def test_several_values_of_a_header_are_joined_in_order() -> None:
    request = signed(headers={"x-many": "a,b"})
    split = [pair for pair in request.headers if pair[0] != "x-many"]

    assert signature.claim(replace(request, headers=(("X-Many", "b"), *split, ("x-many", "a")))).holds("local-secret")
