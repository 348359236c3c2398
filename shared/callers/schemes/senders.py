"""The senders' own formats, as data, and the generic one that the callers file describes.

Sources: each vendor's page on verifying its webhooks, named at its class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.callers.schemes.signature import (
    PAIRS,
    PLACEHOLDER,
    SPACED_LIST,
    Algorithm,
    Encoding,
    Format,
    KeyEncoding,
    Signed,
    Timestamped,
    TimestampUnit,
    UrlSigned,
    decode_key,
)
from shared.callers.schemes.tokens import HeaderName
from shared.problems import Unauthorized
from shared.runtime.event import Request

_SECRET_PREFIX = "whsec_"  # noqa: S105 - stands before a secret
_LEAST_KEY_BYTES = 24
# HubSpot decodes these, and no others, in the URL before it signs.
_HUBSPOT_DECODES = ":/?@!$'()*,;"


class StandardWebhooks(Timestamped):
    """Standard Webhooks v1 (standardwebhooks.com), also under Svix's header names."""

    scheme: Literal["standard-webhooks"]
    _formats: ClassVar[tuple[Format, ...]] = tuple(
        Format(
            header=f"{name}-signature",
            content="{id}.{timestamp}.{body}",
            encoding="base64",
            prefix="v1,",
            layout=SPACED_LIST,
            timestamp_header=f"{name}-timestamp",
            id_header=f"{name}-id",
        )
        for name in ("webhook", "svix")
    )

    def formats(self) -> Sequence[Format]:
        """Return both sets of headers."""
        return self._formats

    def key(self, secret: str) -> bytes | None:
        """Return the key: at least 24 bytes of base64, behind `whsec_` or alone."""
        key = decode_key(secret.removeprefix(_SECRET_PREFIX), "base64")
        return key if key and len(key) >= _LEAST_KEY_BYTES else None


class GitHub(Signed):
    """GitHub, "Validating webhook deliveries"; it signs no timestamp."""

    scheme: Literal["github"]

    def formats(self) -> Sequence[Format]:
        """Return GitHub's format."""
        return (Format(header="x-hub-signature-256", prefix="sha256="),)

    def handshake(self, request: Request, payload: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002 - the header tells
        """Answer the ping that GitHub sends when a webhook is created."""
        return {"status": "ok"} if request.headers.get("x-github-event") == "ping" else None


class Stripe(Timestamped):
    """Stripe, "Verify webhook signatures manually"; the secret counts with its `whsec_`."""

    scheme: Literal["stripe"]

    def formats(self) -> Sequence[Format]:
        """Return Stripe's format."""
        return (Format(header="stripe-signature", content="{timestamp}.{body}", prefix="v1=", layout=PAIRS),)


class Slack(Timestamped):
    """Slack, "Verifying requests from Slack"."""

    scheme: Literal["slack"]

    def formats(self) -> Sequence[Format]:
        """Return Slack's format."""
        return (
            Format(
                header="x-slack-signature",
                content="v0:{timestamp}:{body}",
                prefix="v0=",
                timestamp_header="x-slack-request-timestamp",
            ),
        )

    def handshake(self, request: Request, payload: object) -> dict[str, Any] | None:  # noqa: ARG002 - the payload tells
        """Return the challenge by which Slack checks the URL of an app."""
        if not isinstance(payload, Mapping):
            return None
        challenge = payload.get("challenge")
        asks = payload.get("type") == "url_verification" and isinstance(challenge, str)
        return {"challenge": challenge} if asks else None


class HubSpot(UrlSigned):
    """HubSpot, "Validating requests", version 3."""

    scheme: Literal["hubspot"]

    def formats(self) -> Sequence[Format]:
        """Return HubSpot's format."""
        return (
            Format(
                header="x-hubspot-signature-v3",
                content="{method}{url}{body}{timestamp}",
                encoding="base64",
                timestamp_header="x-hubspot-request-timestamp",
                timestamp_unit="ms",
                normalise_url=_decode_hubspot_escapes,
            ),
        )


class Zendesk(Timestamped):
    """Zendesk, "Verifying webhooks"."""

    scheme: Literal["zendesk"]

    def formats(self) -> Sequence[Format]:
        """Return Zendesk's format."""
        return (
            Format(
                header="x-zendesk-webhook-signature",
                content="{timestamp}{body}",
                encoding="base64",
                timestamp_header="x-zendesk-webhook-signature-timestamp",
                timestamp_unit="iso8601",
            ),
        )


class Hmac(UrlSigned):
    """Any HMAC signature that the callers file describes."""

    scheme: Literal["hmac"]
    header: HeaderName
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    content: Annotated[str, Field(min_length=1)] = "{body}"
    timestamp_header: HeaderName | None = None
    timestamp_unit: TimestampUnit = "s"
    id_header: HeaderName | None = None
    key_encoding: KeyEncoding = "utf8"

    @model_validator(mode="after")
    def _content_and_headers_agree(self) -> Hmac:
        names = set(PLACEHOLDER.findall(self.content))
        if re.search(r"[{}]", PLACEHOLDER.sub("", self.content)):
            raise PydanticCustomError("content", "content may name body, timestamp, id, method and url")
        if "body" not in names:
            raise PydanticCustomError("content", "content must name body, or anybody could change it")
        if re.search(r"\{(id|url|body)\}\{id\}|\{id\}\{(url|body)\}", self.content):
            raise PydanticCustomError("content", "content must have something between id and url or body")
        headers = [name for name in (self.header, self.timestamp_header, self.id_header) if name]
        if len(set(headers)) < len(headers):
            raise PydanticCustomError("content", "header, timestamp_header and id_header must differ")
        for name, header in (("timestamp", self.timestamp_header), ("id", self.id_header)):
            if (name in names) != (header is not None):
                # A header that is not signed proves nothing, and one that is signed has to be found.
                raise PydanticCustomError(
                    "content", "{name} must be in content and have its {name}_header, or neither", {"name": name}
                )
        settings = self.model_fields_set
        if not self.timestamp_header and settings & {"tolerance_seconds", "timestamp_unit"}:
            raise PydanticCustomError("content", "tolerance_seconds and timestamp_unit need a timestamp_header")
        if "url" not in names and self.public_url:
            raise PydanticCustomError("content", "public_url needs url in content")
        return self

    def formats(self) -> Sequence[Format]:
        """Return the format described."""
        return (
            Format(
                header=self.header,
                content=self.content,
                algorithm=self.algorithm,
                encoding=self.encoding,
                prefix=self.prefix,
                timestamp_header=self.timestamp_header,
                timestamp_unit=self.timestamp_unit,
                id_header=self.id_header,
            ),
        )

    def key(self, secret: str) -> bytes | None:
        """Return the key in its encoding."""
        return decode_key(secret, self.key_encoding)

    def tolerance(self) -> int:
        """Return the window, 0 without a timestamp."""
        return self.tolerance_seconds if self.timestamp_header else 0


def _decode_hubspot_escapes(url: str) -> str:
    if "%3f" in url.partition("?")[0].lower():
        # Decoded, it would be taken for the beginning of a query.
        raise Unauthorized("path has an escaped question mark")
    for character in _HUBSPOT_DECODES:
        escape = f"%{ord(character):02X}"
        url = url.replace(escape, character).replace(escape.lower(), character)
    return url
