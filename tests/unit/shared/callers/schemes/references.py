"""How the senders sign, by their own libraries, or by a few lines of the standard library where none signs.

Nothing here imports the schemes under test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from hubspot.utils.signature import Signature as HubSpotSignature  # type: ignore[import-untyped]
from slack_sdk.signature import SignatureVerifier
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from shared.runtime.event import Request
from tests.builders import PAYLOAD, http_event

NOW = 1_693_896_071
HOST = "hooks.example.com"
JSON_BODY = json.dumps(dict(PAYLOAD)).encode()
FORM_BODY = urlencode(PAYLOAD).encode()
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# 32 bytes in base64.
KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

Sign = Callable[[Request, bytes, str, str], Request]


def seconds(now: float) -> str:
    return str(int(now))


def milliseconds(now: float) -> str:
    return str(int(now * 1000))


def iso8601(now: float) -> str:
    return datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Sender:
    """One way of proving oneself: the settings in the callers file, and what the sender does.

    Attributes:
        name: of the sender, and of its caller.
        auth: the settings, without their secrets.
        sign: request, body, secret, timestamp → the request with its credential.
        secrets: five that differ, all usable.
        timestamp: how the sender writes a time; `None` where it signs none.
        unusable: values that the scheme cannot work with.
        signs_body: whether the body is covered.
        signs_url: whether the URL is.
    """

    name: str
    auth: Mapping[str, Any]
    sign: Sign
    secrets: tuple[str, ...] = ("one", "two", "three", "four", "five")
    timestamp: Callable[[float], str] | None = None
    unusable: tuple[str, ...] = (" one", "one\n")
    signs_body: bool = True
    signs_url: bool = False
    body: bytes = JSON_BODY
    content_type: str = JSON
    query: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def request(self) -> Request:
        """What the sender sends, without its credential."""
        return Request(
            caller_path=self.name,
            path=f"/{self.name}",
            raw_path=f"/{self.name}",
            headers={"host": HOST, "content-type": self.content_type},
            query=dict(self.query),
            source_ip="203.0.113.9",
        )

    def signed(
        self, secret: str | None = None, now: float = NOW, body: bytes | None = None, timestamp: str | None = None
    ) -> Request:
        """What the sender sends, with its credential: by default a valid one."""
        if timestamp is None:
            timestamp = self.timestamp(now) if self.timestamp else ""
        body = self.body if body is None else body
        return self.sign(self.request, body, self.secrets[0] if secret is None else secret, timestamp)

    def credential(self) -> dict[str, str]:
        """The headers of a valid credential."""
        before = self.request.headers
        return {name: value for name, value in self.signed().headers.items() if name not in before}

    def event(self, request: Request, body: bytes | None = None) -> bytes:
        """The platform's event for a request."""
        return http_event(
            method=request.method,
            path=request.raw_path,
            headers={"Content-Type": "", **{name.title(): value for name, value in request.headers.items()}},
            query=request.query,
            token=None,
            body=base64.b64encode(self.body if body is None else body).decode(),
            is_base64=True,
        )

    def toml(self, references: str = '"env:ONE"', **auth: Any) -> str:
        """The caller's block of the callers file."""
        settings = ", ".join(f"{key} = {json.dumps(value)}" for key, value in {**self.auth, **auth}.items())
        return (
            f"[callers.{self.name}]\nauth = {{ {settings}, secrets = [{references}] }}\n"
            'instances = ["ccc-test"]\nmethods = ["POST", "GET"]\n'
        )


def url_of(request: Request) -> str:
    """The URL as a sender knows it; queries of the tests need no escapes."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    return f"https://{request.headers['host']}{request.raw_path}" + (f"?{query}" if query else "")


def mac(key: bytes, content: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(key, content, algorithm).digest()


def _bearer(request: Request, _body: bytes, secret: str, _timestamp: str) -> Request:
    return request.with_headers({"authorization": f"Bearer {secret}"})


def _basic(request: Request, _body: bytes, secret: str, _timestamp: str) -> Request:
    return request.with_headers({"authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"})


def _api_key(request: Request, _body: bytes, secret: str, _timestamp: str) -> Request:
    return request.with_headers({"x-api-key": secret})


def _api_key_in_query(request: Request, _body: bytes, secret: str, _timestamp: str) -> Request:
    return request.with_query({"key": secret})


def library(name: str) -> Any:
    """Return a module that takes long to import: every process of a run imports this one, but few sign."""
    return import_module(name)


def _standard(prefix: str, module: str) -> Sign:
    def sign(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
        if secret != "whsec_" and timestamp.isascii() and timestamp.isdecimal() and len(timestamp) == 10:
            when = datetime.fromtimestamp(int(timestamp), timezone.utc)
            signature = library(module).Webhook(secret).sign("msg_1", when, body.decode())
        else:
            # The library writes no other timestamps, and takes no empty key.
            key = base64.b64decode(secret.removeprefix("whsec_"))
            digest = mac(key, f"msg_1.{timestamp}.".encode("utf-8", "surrogatepass") + body)
            signature = f"v1,{base64.b64encode(digest).decode()}"
        return request.with_headers(
            {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": timestamp, f"{prefix}-signature": signature}
        )

    return sign


def _github(request: Request, body: bytes, secret: str, _timestamp: str) -> Request:
    return request.with_headers({"x-hub-signature-256": f"sha256={mac(secret.encode(), body).hex()}"})


def _stripe(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
    header = library("stripe").WebhookSignature.generate_signature_header(body.decode(), secret, timestamp)
    return request.with_headers({"stripe-signature": header})


def _slack(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    return request.with_headers({"x-slack-request-timestamp": timestamp, "x-slack-signature": str(signature)})


def _hubspot(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
    signature = HubSpotSignature.get_signature(
        secret, body.decode(), "v3", http_uri=url_of(request), http_method=request.method, timestamp=timestamp
    )
    return request.with_headers({"x-hubspot-request-timestamp": timestamp, "x-hubspot-signature-v3": signature})


def _zendesk(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
    digest = mac(secret.encode(), timestamp.encode() + body)
    return request.with_headers(
        {
            "x-zendesk-webhook-signature-timestamp": timestamp,
            "x-zendesk-webhook-signature": base64.b64encode(digest).decode(),
        }
    )


def _twilio(request: Request, body: bytes, secret: str, _timestamp: str) -> Request:
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signature = RequestValidator(secret).compute_signature(url_of(request), fields)
    return request.with_headers({"x-twilio-signature": signature})


def _twilio_json(request: Request, body: bytes, secret: str, _timestamp: str) -> Request:
    request = request.with_query({"bodySHA256": hashlib.sha256(body).hexdigest()})
    signature = RequestValidator(secret).compute_signature(url_of(request), {})
    return request.with_headers({"x-twilio-signature": signature})


def _plivo(request: Request, body: bytes, secret: str, _timestamp: str) -> Request:
    url, _, query = url_of(request).partition("?")
    fields = "".join(name + value for name, value in sorted(parse_qsl(body.decode(), keep_blank_values=True)))
    query = "&".join(sorted(query.split("&")))
    if query or fields:
        url += f"?{query}" + ("." if query and fields else "")
    digest = mac(secret.encode(), f"{url}{fields}.12345".encode())
    signature = base64.b64encode(digest).decode()
    return request.with_headers({"x-plivo-signature-v3": signature, "x-plivo-signature-v3-nonce": "12345"})


def _hmac(request: Request, body: bytes, secret: str, _timestamp: str) -> Request:
    return request.with_headers({"x-signature": mac(secret.encode(), body).hex()})


def _hmac_everything(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
    content = f"{request.method} {url_of(request)}\nd-1/{timestamp}/".encode() + body
    digest = mac(bytes.fromhex(secret), content, "sha512")
    return request.with_headers(
        {"x-id": "d-1", "x-time": timestamp, "x-mac": f"mac {base64.b64encode(digest).decode()}"}
    )


def _formula(header: str, content: Callable[[bytes, str, str], bytes], form: str = "{}", **how: Any) -> Sign:
    """Sign as a vendor's page says it: a MAC of a content, in hexadecimal digits or base64, written in a form."""

    def sign(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
        stamp = {how["time_header"]: timestamp} if "time_header" in how else {}
        request = request.with_headers({**stamp, **how.get("headers", {})})
        key = base64.b64decode(secret) if how.get("base64_key") else secret.encode()
        signed = content(body, timestamp, url_of(request))
        digest = mac(key, signed, how.get("algorithm", "sha256"))
        text = base64.b64encode(digest).decode() if how.get("base64") else digest.hex()
        return request.with_headers({header: form.format(text, timestamp)})

    return sign


def _body(body: bytes, _timestamp: str, _url: str) -> bytes:
    return body


def _dot(body: bytes, timestamp: str, _url: str) -> bytes:
    return timestamp.encode("utf-8", "surrogatepass") + b"." + body


def _dingtalk(request: Request, _body: bytes, secret: str, timestamp: str) -> Request:
    digest = mac(secret.encode(), f"{timestamp}\n{secret}".encode("utf-8", "surrogatepass"))
    return request.with_headers({"timestamp": timestamp, "sign": base64.b64encode(digest).decode()})


def _jiandaoyun(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
    content = b":".join([b"0f5ade", body, secret.encode(), timestamp.encode("utf-8", "surrogatepass")])
    request = request.with_query({"nonce": "0f5ade", "timestamp": timestamp})
    return request.with_headers({"x-jdy-signature": hashlib.sha1(content).hexdigest()})  # noqa: S324 - as they do


def _hash(request: Request, body: bytes, secret: str, _timestamp: str) -> Request:
    digest = hashlib.md5(b"client-1" + body + secret.encode()).hexdigest()  # noqa: S324 - as Youzan does
    return request.with_headers({"event-sign": digest})


def _token(body_hash: str | None, algorithm: str = "HS256", form: str = "Bearer {}") -> Sign:
    """Sign with a JSON Web Token, made by the library that others use."""

    def sign(request: Request, body: bytes, secret: str, timestamp: str) -> Request:
        is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 20
        claims: dict[str, Any] = {"iat": int(timestamp) if is_number else timestamp}
        if body_hash:
            claims[body_hash] = hashlib.sha256(body).hexdigest()
        return request.with_headers({"authorization": form.format(jwt.encode(claims, secret, algorithm))})

    return sign


_KEYS = tuple("whsec_" + KEY.replace("M", letter, 1) for letter in "ABCDE")
_HEX_KEYS = tuple(f"{digit}f" * 16 for digit in "12345")
_NO_KEYS = ("whsec_", "whsec_====", "whsec_not base64!", "whsec_c2hvcnQ=", "whpk_" + KEY, KEY + "\n", "é" * 32)

SENDERS: tuple[Sender, ...] = (
    Sender(
        "bearer",
        {"scheme": "bearer"},
        _bearer,
        unusable=("a b", "one\n", "tökèn", "a=b", ","),
        signs_body=False,
    ),
    Sender(
        "basic",
        {"scheme": "basic"},
        _basic,
        secrets=("user:one", "user:two", "user:pass:word", "üser:pässword", "user: p"),
        unusable=("one", ":one", "user:", ":", "user:one\n", "user:\x00", "us\ner:one"),
        signs_body=False,
    ),
    Sender(
        "api-key",
        {"scheme": "api-key"},
        _api_key,
        unusable=(" a", "one\n", "ö", "a,b", "\x7f"),
        signs_body=False,
    ),
    Sender(
        "api-key-query",
        {"scheme": "api-key", "key": "query.key"},
        _api_key_in_query,
        unusable=(" a", "one\n", "ö", "a,b"),
        signs_body=False,
    ),
    Sender(
        "standard-webhooks",
        {"scheme": "standard-webhooks"},
        _standard("webhook", "standardwebhooks"),
        secrets=_KEYS,
        timestamp=seconds,
        unusable=_NO_KEYS,
    ),
    Sender(
        "svix",
        {"scheme": "standard-webhooks"},
        _standard("svix", "svix.webhooks"),
        secrets=_KEYS,
        timestamp=seconds,
        unusable=_NO_KEYS,
    ),
    Sender("github", {"scheme": "github"}, _github),
    Sender("stripe", {"scheme": "stripe"}, _stripe, secrets=_KEYS, timestamp=seconds),
    Sender("slack", {"scheme": "slack"}, _slack, timestamp=seconds),
    Sender(
        "hubspot",
        {"scheme": "hubspot"},
        _hubspot,
        timestamp=milliseconds,
        signs_url=True,
        query=(("portal", "1"), ("b", "2")),
    ),
    Sender("zendesk", {"scheme": "zendesk"}, _zendesk, timestamp=iso8601),
    Sender("twilio", {"scheme": "twilio"}, _twilio, body=FORM_BODY, content_type=FORM, signs_url=True),
    Sender("twilio-json", {"scheme": "twilio"}, _twilio_json, signs_url=True),
    Sender(
        "plivo",
        {"scheme": "plivo"},
        _plivo,
        body=FORM_BODY,
        content_type=FORM,
        signs_url=True,
        query=(("b", "2"), ("a", "1")),
    ),
    Sender("hmac", {"scheme": "hmac", "signature": "header.X-Signature"}, _hmac),
    Sender(
        "hmac-everything",
        {
            "scheme": "hmac",
            "signature": "header.X-Mac",
            "algorithm": "sha512",
            "encoding": "base64",
            "prefix": "mac ",
            "content": "{method} {url}\n{id}/{timestamp}/{body}",
            "timestamp": "header.X-Time",
            "timestamp_format": "ms",
            "id": "header.X-Id",
            "key_encoding": "hex",
            "tolerance_seconds": 300,
        },
        _hmac_everything,
        secrets=_HEX_KEYS,
        timestamp=milliseconds,
        unusable=("one", "1f1", "1f 1f", "1f\n", "0x1f"),
        signs_url=True,
    ),
)
_BASE64_KEYS = tuple(KEY.replace("M", letter, 1) for letter in "ABCDE")
# By the formulas of the vendors' pages (docs/callers/README.md has their addresses).
SENDERS += (
    Sender("shopify", {"scheme": "shopify"}, _formula("x-shopify-hmac-sha256", _body, base64=True)),
    Sender("typeform", {"scheme": "typeform"}, _formula("typeform-signature", _body, "sha256={}", base64=True)),
    Sender("tally", {"scheme": "tally"}, _formula("tally-signature", _body, base64=True)),
    Sender("linear", {"scheme": "linear"}, _formula("linear-signature", _body)),
    Sender("sentry", {"scheme": "sentry"}, _formula("sentry-hook-signature", _body)),
    Sender("jira", {"scheme": "jira"}, _formula("x-hub-signature", _body, "sha256={}")),
    Sender("bitbucket", {"scheme": "bitbucket"}, _formula("x-hub-signature", _body, "sha256={}")),
    Sender("meta", {"scheme": "meta"}, _formula("x-hub-signature-256", _body, "sha256={}")),
    Sender("notion", {"scheme": "notion"}, _formula("x-notion-signature", _body, "sha256={}")),
    Sender("intercom", {"scheme": "intercom"}, _formula("x-hub-signature", _body, "sha1={}", algorithm="sha1")),
    Sender("pagerduty", {"scheme": "pagerduty"}, _formula("x-pagerduty-signature", _body, "v1={}")),
    Sender("woocommerce", {"scheme": "woocommerce"}, _formula("x-wc-webhook-signature", _body, base64=True)),
    Sender(
        "airtable",
        {"scheme": "airtable"},
        _formula("x-airtable-content-mac", _body, "hmac-sha256={}", base64_key=True),
        secrets=_BASE64_KEYS,
        unusable=("not base64!", KEY + "\n"),
    ),
    Sender(
        "square",
        {"scheme": "square"},
        _formula("x-square-hmacsha256-signature", lambda body, _, url: url.encode() + body, base64=True),
        signs_url=True,
    ),
    Sender(
        "zoom",
        {"scheme": "zoom"},
        _formula(
            "x-zm-signature",
            lambda body, when, _: b"v0:" + when.encode("utf-8", "surrogatepass") + b":" + body,
            "v0={}",
            time_header="x-zm-request-timestamp",
        ),
        timestamp=seconds,
    ),
    Sender(
        "calendly",
        {"scheme": "calendly"},
        _formula("calendly-webhook-signature", _dot, "t={1},v1={0}"),
        timestamp=seconds,
    ),
    Sender(
        "elevenlabs",
        {"scheme": "elevenlabs"},
        _formula("elevenlabs-signature", _dot, "t={1},v0={0}"),
        timestamp=seconds,
    ),
    Sender("workos", {"scheme": "workos"}, _formula("workos-signature", _dot, "t={1}, v1={0}"), timestamp=milliseconds),
    Sender(
        "paddle",
        {"scheme": "paddle"},
        _formula(
            "paddle-signature",
            lambda body, when, _: when.encode("utf-8", "surrogatepass") + b":" + body,
            "ts={1};h1={0}",
        ),
        timestamp=seconds,
    ),
    Sender(
        "retell",
        {"scheme": "retell"},
        _formula(
            "x-retell-signature",
            lambda body, when, _: body + when.encode("utf-8", "surrogatepass"),
            "v={1},d={0}",
        ),
        timestamp=milliseconds,
    ),
    Sender(
        "twitch",
        {"scheme": "twitch"},
        _formula(
            "twitch-eventsub-message-signature",
            lambda body, when, _: b"d-1" + when.encode("utf-8", "surrogatepass") + body,
            "sha256={}",
            time_header="twitch-eventsub-message-timestamp",
            headers={"twitch-eventsub-message-id": "d-1"},
        ),
        timestamp=iso8601,
    ),
    Sender("vonage", {"scheme": "vonage"}, _token("payload_hash"), secrets=_BASE64_KEYS, timestamp=seconds),
    Sender(
        "monday",
        {"scheme": "monday"},
        _token(None, form="{}"),
        secrets=tuple(key[::-1] for key in _BASE64_KEYS),
        timestamp=seconds,
        signs_body=False,
    ),
    Sender(
        "jwt",
        {"scheme": "jwt", "algorithm": "HS512", "body_hash": "sha"},
        _token("sha", "HS512"),
        secrets=tuple(key * 2 for key in _BASE64_KEYS),
        timestamp=seconds,
    ),
    Sender("dingtalk-robot", {"scheme": "dingtalk-robot"}, _dingtalk, timestamp=milliseconds, signs_body=False),
    Sender("jiandaoyun", {"scheme": "jiandaoyun"}, _jiandaoyun, timestamp=seconds),
    Sender(
        "hash",
        {"scheme": "hash", "algorithm": "md5", "signature": "header.Event-Sign", "content": "client-1{body}{secret}"},
        _hash,
    ),
)
BY_NAME = {sender.name: sender for sender in SENDERS}
TIMESTAMPED = tuple(sender for sender in SENDERS if sender.timestamp)


def changed(request: Request, **changes: Any) -> Request:
    """The request with other attributes, or with more headers or parameters."""
    merged: dict[str, Any] = {
        name: {**getattr(request, name), **value} if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return replace(request, **merged)


def without(request: Request, *headers: str) -> Request:
    """The request without these headers."""
    return replace(request, headers={name: value for name, value in request.headers.items() if name not in headers})
