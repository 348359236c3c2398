"""Credentials by their names, and secrets in every spelling that their way may give them; and what only looks so."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from pydantic import TypeAdapter

from shared.callers.schemes import Auth
from shared.observability.redaction import SecretSpellings, names_a_credential

AUTH: TypeAdapter[Any] = TypeAdapter(Auth)
ODD = 's3cr"et\\canary-ü+/x='
KEY = b"canary: \xff of at least 24 bytes"
WEBHOOK = f"whsec_{base64.b64encode(KEY).decode()}"
PASSWORD = "päss canary-1?>"
PLAIN = "plain-secret-0123"


def spellings(scheme: str, *secrets: str, **settings: str) -> SecretSpellings:
    auth = AUTH.validate_python({"scheme": scheme, "secrets": ["env:A"], **settings})
    return SecretSpellings((auth, secrets))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        ODD,
        f"before{ODD}behind",
        json.dumps({"a": [ODD]}),
        json.dumps({"a": ODD}, ensure_ascii=False),
        json.dumps({"a": json.dumps(ODD)}),
        json.dumps({ODD: 1}).replace("/", "\\/"),
        f'{{"not whole": {json.dumps(ODD)}',
        json.dumps(ODD).replace("canary", "\\u0063an\\u0061ry"),
        quote(ODD),
        quote(ODD, safe=""),
        quote(ODD, safe="+"),
        quote_plus(ODD),
        quote(quote(ODD, safe=""), safe=""),
        f"payload={quote_plus(json.dumps({'a': ODD}))}",
        json.dumps({"url": f"https://host/?a={quote(ODD, safe='')}"}),
        encoded(ODD),
        encoded(ODD).rstrip("="),
        base64.urlsafe_b64encode(ODD.encode()).decode(),
        ODD.encode().hex(),
        ODD.encode().hex().upper(),
        # Of a queue, which encodes what it has been given.
        *(
            json.dumps({"data": encoded(f"{'.' * before}{ODD}{'.' * behind}")})
            for before in range(4)
            for behind in range(3)
        ),
        base64.urlsafe_b64encode(json.dumps({"a": {"token": PLAIN}}).encode()).decode(),
    ],
)
def test_a_secret_is_known_however_it_is_spelled(text: str) -> None:
    assert spellings("github", PLAIN, ODD).are_in(text)


def test_what_json_writes_as_two_surrogates_is_one_character() -> None:
    assert spellings("github", "secret-😀-of-a-caller").are_in(json.dumps("secret-😀-of-a-caller"))


@pytest.mark.parametrize(
    "text",
    [
        WEBHOOK,
        WEBHOOK.removeprefix("whsec_"),
        WEBHOOK.removeprefix("whsec_").rstrip("="),
        base64.urlsafe_b64encode(KEY).decode(),
        KEY.hex(),
        f"key={KEY.hex().upper()}",
        encoded(WEBHOOK),
    ],
)
def test_the_key_behind_a_secret_is_known(text: str) -> None:
    assert spellings("standard-webhooks", WEBHOOK).are_in(text)


def test_a_key_that_is_text_is_known_as_text() -> None:
    key = "canary of at least 24 bytes"
    assert spellings("standard-webhooks", f"whsec_{encoded(key)}").are_in(f"the key is {key}.")
    assert spellings("hmac", key.encode().hex(), signature="header.X-Seal", key_encoding="hex").are_in(
        f"the key is {key}."
    )


@pytest.mark.parametrize(
    "text",
    [
        f"user:{PASSWORD}",
        encoded(f"user:{PASSWORD}"),
        encoded(f"user:{PASSWORD}").rstrip("="),
        base64.urlsafe_b64encode(f"user:{PASSWORD}".encode()).decode(),
        PASSWORD,
        f"password={quote_plus(PASSWORD)}&a=b",
        encoded(PASSWORD),
        encoded(PASSWORD).rstrip("="),
    ],
)
def test_a_password_is_known_without_its_name(text: str) -> None:
    assert spellings("basic", f"user:{PASSWORD}").are_in(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ccc-test", False),
        ("user-test@ccc-test", False),
        ("tests", False),
        ("my_test", False),
        ("test1", False),
        ("test", True),
        ('{"a": "test"}', True),
        ('{"a": "b\\ntest"}', True),
        ("密码是test。", True),
        ("a=test&b", True),
        ("a%20test%20b", True),
        ("crm:test", True),
        ("xcrm:testx", True),
        (encoded("test"), True),
        (f"x{encoded('test')}", False),
    ],
)
def test_a_short_secret_and_a_password_are_known_as_words(text: str, found: bool) -> None:  # noqa: FBT001 - a column
    assert spellings("basic", "crm:test").are_in(text) is found


def test_a_long_password_is_known_as_a_word_too() -> None:
    known = spellings("basic", "crm:production")
    assert known.are_in("the production, here")
    assert not known.are_in("reproductions")
    assert not known.are_in(encoded(" reproductions"))


@pytest.mark.parametrize(("text", "found"), [("abc", True), ("x abc", False), ("abcd", False), ("", False)])
def test_the_shortest_are_known_as_the_whole_of_a_text(text: str, found: bool) -> None:  # noqa: FBT001 - a column
    assert spellings("bearer", "abc", "").are_in(text) is found


@pytest.mark.parametrize("text", ["", "%", "%zz", "\\", "\\u12", "\ud800", "\\ud800", PLAIN[:-1], "whsec_"])
def test_what_holds_none_is_passed(text: str) -> None:
    assert not spellings("github", PLAIN, ODD, "whsec_").are_in(text.removeprefix("whsec_"))


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Proxy-Authorization", "auth", "x-auth", "X-Auth-User", "OAuth2", "basicauth", "authKey"),
        *("cookie", "set-cookie", "Cookie2", "credential", "AWSCredentials", "x-amz-credential"),
        *("token", "csrftoken", "x-csrf", "_xsrf", "accessToken", "ACCESS_TOKEN", "id.token", "tokens", "x-token2"),
        *("secret", "client_secret", "clientsecret", "SecretKey", "secretId"),
        *("signature", "X-Hub-Signature-256", "signatureV4", "sig", "x-sig", "sign", "hmac", "x-hmac-sha256"),
        *("session", "session_id", "sessionId", "PHPSESSID", "JSESSIONID", "usersession", "x-session", "sid"),
        *("jwt", "x-jwt-assertion", "idJWT", "assertion", "bearer"),
        *("password", "passWord", "user_passwd", "passphrase", "passcode", "pwd", "userPwd", "dbpwd", "pw", "pass"),
        *("otp", "x-otp", "smsOtp", "TOTP", "pin", "X-Pin"),
        *("key", "x-key", "api-key", "apiKey", "APIKey", "xapikey", "x_api_key", "access-key-id", "AccessKeyId"),
        *("private-key", "privatekey", "Ocp-Apim-Subscription-Key", "x-functions-key", "signing.key", "hostKey"),
        *("x-fc-account-id", "X-Fc-Security-Token", "x-acs-date"),
    ],
)
def test_a_credential_is_known_by_its_name(name: str) -> None:
    assert names_a_credential(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "-", "x", "author", "co-authors", "authority", "authentic", "authorized", "x-author-id"),
        *("passenger", "passengers", "compass", "compass-wording", "bypass", "pass_count", "passive", "passport"),
        *("tokenizer", "tokenized", "secretary", "secretariat", "obsession", "possession", "profession"),
        *("hotpot", "option", "options", "laptop", "pinned", "pin_message", "sign_in", "signal", "design", "assign"),
        *("keyboard", "monkey", "keyword", "turkey", "idempotency-key", "Idempotency-Key", "publicKey", "sort_key"),
        *("cache-key", "issueKey", "call_sid", "CallSid", "AccountSid", "sigma", "power", "cook", "x-fcx", "fc-id"),
        *("webhook-id", "webhook-timestamp", "content-type", "host", "traceparent", "user_id", "JobId", "标识"),
    ],
)
def test_a_plain_word_is_no_credential(name: str) -> None:
    assert not names_a_credential(name)
