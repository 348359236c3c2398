"""How vendors sign, as data: each row has the keys of a caller's `hmac`, `hash` or `jwt`, by the name of its scheme.

Sources: each vendor's page on verifying its webhooks; docs/callers/README.md has them, and what is not confirmed.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shared.problems import Unauthorized


class Vendor(NamedTuple):
    """One row.

    Attributes:
        keys: of `hmac`, or of `hash` or `jwt` where they name that scheme.
        other_places: places under which the same sender may write the same values.
        handshakes: tables of the callers file, which come behind its own.
        secret_prefix: what may stand before a secret and is no part of the key.
        least_key_bytes: a shorter key is none of the vendor's.
        normalise_url: what the sender does to the URL before it signs it.
    """

    keys: Mapping[str, Any] = {}
    other_places: Mapping[str, str] = {}
    handshakes: tuple[Mapping[str, Any], ...] = ()
    secret_prefix: str = ""
    least_key_bytes: int = 1
    normalise_url: Callable[[str], str] = str


# HubSpot decodes these, and no others, in the URL before it signs.
_HUBSPOT_DECODES = ":/?@!$'()*,;"


def _decode_hubspot_escapes(url: str) -> str:
    if "%3f" in url.partition("?")[0].lower():
        # Decoded, it would be taken for the beginning of a query.
        raise Unauthorized("path has an escaped question mark")
    for character in _HUBSPOT_DECODES:
        escape = f"%{ord(character):02X}"
        url = url.replace(escape, character).replace(escape.lower(), character)
    return url


VENDORS: dict[str, Vendor] = {
    "airtable": Vendor(
        {"signature": "header.x-airtable-content-mac", "prefix": "hmac-sha256=", "key_encoding": "base64"}
    ),
    "bitbucket": Vendor({"signature": "header.x-hub-signature", "prefix": "sha256="}),
    "calendly": Vendor(
        {
            "signature": "header.calendly-webhook-signature",
            "separator": ",",
            "prefix": "v1=",
            "timestamp": "part.t",
            "content": "{timestamp}.{body}",
        }
    ),
    "dingtalk-robot": Vendor(
        {
            "signature": "header.sign",
            "encoding": "base64",
            "timestamp": "header.timestamp",
            "timestamp_format": "ms",
            "content": "{timestamp}\n{secret}",
            "covers_body": False,
        }
    ),
    "elevenlabs": Vendor(
        {
            "signature": "header.elevenlabs-signature",
            "separator": ",",
            "prefix": "v0=",
            "timestamp": "part.t",
            "content": "{timestamp}.{body}",
        }
    ),
    "github": Vendor(
        {"signature": "header.x-hub-signature-256", "prefix": "sha256="},
        handshakes=({"when": "headers.\"x-github-event\" == 'ping'", "reply": {"status": "'ok'"}},),
    ),
    "hubspot": Vendor(
        {
            "signature": "header.x-hubspot-signature-v3",
            "encoding": "base64",
            "timestamp": "header.x-hubspot-request-timestamp",
            "timestamp_format": "ms",
            "content": "{method}{url}{body}{timestamp}",
        },
        normalise_url=_decode_hubspot_escapes,
    ),
    "intercom": Vendor({"signature": "header.x-hub-signature", "prefix": "sha1=", "algorithm": "sha1"}),
    "jiandaoyun": Vendor(
        {
            "scheme": "hash",
            "algorithm": "sha1",
            "signature": "header.x-jdy-signature",
            "timestamp": "query.timestamp",
            "content": "{query.nonce}:{body}:{secret}:{timestamp}",
        }
    ),
    "jira": Vendor({"signature": "header.x-hub-signature", "prefix": "sha256="}),
    "linear": Vendor({"signature": "header.linear-signature"}),
    "mailgun": Vendor(
        {
            "signature": "body.signature.signature",
            "timestamp": "body.signature.timestamp",
            "id": "body.signature.token",
            "content": "{timestamp}{id}",
            "covers_body": False,
        }
    ),
    "meta": Vendor({"signature": "header.x-hub-signature-256", "prefix": "sha256="}),
    "monday": Vendor(
        {"scheme": "jwt", "covers_body": False},
        # Whether the challenge has a token, the vendor does not say.
        handshakes=tuple(
            {**auth, "when": "type(body.challenge) == 'string'", "reply": {"challenge": "body.challenge"}}
            for auth in ({}, {"auth": {"scheme": "none", "allow_anonymous": True}})
        ),
    ),
    "notion": Vendor({"signature": "header.x-notion-signature", "prefix": "sha256="}),
    "paddle": Vendor(
        {
            "signature": "header.paddle-signature",
            "separator": ";",
            "prefix": "h1=",
            "timestamp": "part.ts",
            "content": "{timestamp}:{body}",
        }
    ),
    "pagerduty": Vendor({"signature": "header.x-pagerduty-signature", "separator": ",", "prefix": "v1="}),
    "retell": Vendor(
        {
            "signature": "header.x-retell-signature",
            "separator": ",",
            "prefix": "d=",
            "timestamp": "part.v",
            "timestamp_format": "ms",
            "content": "{body}{timestamp}",
        }
    ),
    "sentry": Vendor({"signature": "header.sentry-hook-signature"}),
    "shopify": Vendor({"signature": "header.x-shopify-hmac-sha256", "encoding": "base64"}),
    "slack": Vendor(
        {
            "signature": "header.x-slack-signature",
            "prefix": "v0=",
            "timestamp": "header.x-slack-request-timestamp",
            "content": "v0:{timestamp}:{body}",
        },
        handshakes=(
            {
                "when": "body.type == 'url_verification' && type(body.challenge) == 'string'",
                "reply": {"challenge": "body.challenge"},
            },
        ),
    ),
    "square": Vendor(
        {"signature": "header.x-square-hmacsha256-signature", "encoding": "base64", "content": "{url}{body}"}
    ),
    "standard-webhooks": Vendor(
        {
            "signature": "header.webhook-signature",
            "separator": " ",
            "prefix": "v1,",
            "encoding": "base64",
            "timestamp": "header.webhook-timestamp",
            "id": "header.webhook-id",
            "content": "{id}.{timestamp}.{body}",
            "key_encoding": "base64",
        },
        other_places={
            "signature": "header.svix-signature",
            "timestamp": "header.svix-timestamp",
            "id": "header.svix-id",
        },
        secret_prefix="whsec_",  # noqa: S106 - stands before a secret
        least_key_bytes=24,
    ),
    "stripe": Vendor(
        {
            "signature": "header.stripe-signature",
            "separator": ",",
            "prefix": "v1=",
            "timestamp": "part.t",
            "content": "{timestamp}.{body}",
        }
    ),
    "tally": Vendor({"signature": "header.tally-signature", "encoding": "base64"}),
    "twitch": Vendor(
        {
            "signature": "header.twitch-eventsub-message-signature",
            "prefix": "sha256=",
            "timestamp": "header.twitch-eventsub-message-timestamp",
            "timestamp_format": "iso8601",
            "id": "header.twitch-eventsub-message-id",
            "content": "{id}{timestamp}{body}",
        },
        handshakes=(
            {
                "when": "headers.\"twitch-eventsub-message-type\" == 'webhook_callback_verification'",
                "text": "body.challenge",
            },
        ),
    ),
    "typeform": Vendor({"signature": "header.typeform-signature", "prefix": "sha256=", "encoding": "base64"}),
    "vonage": Vendor({"scheme": "jwt", "body_hash": "payload_hash"}),
    "woocommerce": Vendor(
        {"signature": "header.x-wc-webhook-signature", "encoding": "base64"},
        # Unsigned, when the webhook is created; it has to be answered with 200.
        handshakes=(
            {
                "when": "body.webhook_id && keys(body) == ['webhook_id']",
                "auth": {"scheme": "none", "allow_anonymous": True},
            },
        ),
    ),
    "workos": Vendor(
        {
            "signature": "header.workos-signature",
            "separator": ",",
            "prefix": "v1=",
            "timestamp": "part.t",
            "timestamp_format": "ms",
            "content": "{timestamp}.{body}",
        }
    ),
    "zendesk": Vendor(
        {
            "signature": "header.x-zendesk-webhook-signature",
            "encoding": "base64",
            "timestamp": "header.x-zendesk-webhook-signature-timestamp",
            "timestamp_format": "iso8601",
            "content": "{timestamp}{body}",
        }
    ),
    "zoom": Vendor(
        {
            "signature": "header.x-zm-signature",
            "prefix": "v0=",
            "timestamp": "header.x-zm-request-timestamp",
            "content": "v0:{timestamp}:{body}",
        },
        handshakes=(
            {
                "when": "body.event == 'endpoint.url_validation'",
                "reply": {
                    "plainToken": "body.payload.plainToken",
                    "encryptedToken": "hmac_sha256(body.payload.plainToken)",
                },
            },
        ),
    ),
}
NO_VENDOR = Vendor()


def keys_taken(vendor: Vendor) -> tuple[str, ...]:
    """Return what a named scheme takes in the callers file: of its details only those of its place and its clock."""
    has_time = "timestamp" in vendor.keys or vendor.keys.get("scheme") == "jwt"
    details = {"tolerance_seconds": has_time, "public_url": "{url}" in vendor.keys.get("content", "")}
    return ("scheme", "secrets", *(name for name, applies in details.items() if applies))
