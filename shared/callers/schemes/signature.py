"""Signatures with a shared secret, described by the callers file or by a vendor's row: `hmac` and `hash`.

A template describes the signed content. Its parts must be separated: no other request may have the same signed bytes.
"""

import base64
import binascii
import hashlib
import hmac
import math
import re
import string
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import cached_property
from itertools import combinations, pairwise
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.callers.schemes.places import Place, ReadPlace, Values, read_place
from shared.callers.schemes.scheme import Proof, Scheme, first_equal, key_of_content
from shared.callers.schemes.urls import PublicUrl, signed_urls
from shared.callers.schemes.vendors import NO_VENDOR, VENDORS, Vendor
from shared.callers.secret_references import SecretReferences
from shared.payload.event_time import read_time
from shared.problems import CredentialMismatch, Unauthorized
from shared.runtime.event import Request
from shared.validation import says, whole_number

KeyEncoding = Literal["utf8", "base64", "hex"]

# The most items in a list of signatures: one per valid secret of the sender, in one or two versions.
_MAX_ITEMS = 20
_PLACEHOLDER = re.compile(r"\{(body|timestamp|id|method|url|secret|(?:header|query)\.[^{}]+)\}")
# Only ASCII digits: `int` would accept spaces, underscores and the digits of any script. No leading zeros: if nothing
# separates the timestamp from the part before it, they could belong to that part.
_TIMES = {
    "s": re.compile(r"[1-9][0-9]{0,11}"),
    "ms": re.compile(r"[1-9][0-9]{0,14}"),
    "iso8601": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"),
}
_HEX = re.compile(r"([0-9A-Fa-f]{2})+")
# A timestamp or method between a part and a text that may contain a piece of it, as in `{id}{method}POST.{body}`:
# that text does not separate the parts.
_FORMED = r"(?:\{timestamp\}|\{method\})+"
_LIKE_IT = r"[^{}]*[0-9A-Z][^{}]*"
_NO_BORDER = (
    rf"(?<=\}})(?<!\{{timestamp\}})(?<!\{{method\}}){_FORMED}{_LIKE_IT}(?=\{{)|(?<=\}}){_LIKE_IT}{_FORMED}(?=\{{)"
)
# The parts of a content that may be the same in every request of a sender.
_CONSTANT = frozenset({"method", "secret"})
# Where a place is inside the signed content.
_HOLDERS = {"body": "body", "url": "query"}
_ALPHABETS = {
    "hex": string.hexdigits,
    "base64": string.ascii_letters + string.digits + "+/=",
    "base64url": string.ascii_letters + string.digits + "-_=",
}


class Claim(NamedTuple):
    """The signatures, timestamp and id that a request claims."""

    signatures: Sequence[str]
    timestamp: str = ""
    id: str = ""


class Signature(Scheme):
    """A scheme whose sender signs with a shared secret. The keys are those of the callers file."""

    signs: ClassVar[bool] = True
    secrets: SecretReferences
    signature: ReadPlace
    separator: Annotated[str, Field(min_length=1, max_length=1), says("Separator should be one character")] | None = (
        None
    )
    prefix: str = ""
    content: Annotated[str, Field(min_length=1)] = "{body}"
    covers_body: bool = True
    algorithm: Literal["sha256", "sha512", "sha1"] = "sha256"
    encoding: Literal["hex", "base64", "base64url"] = "hex"
    timestamp: ReadPlace | None = None
    timestamp_format: Literal["s", "ms", "iso8601"] = "s"
    id: ReadPlace | None = None
    tolerance_seconds: Annotated[int, whole_number(1, 86_400)] = 300
    public_url: PublicUrl | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> "Signature":
        for fault in self._faults():
            raise PydanticCustomError("signature", "{fault}", {"fault": fault})
        return self

    def _faults(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between the keys."""
        yield from self._faults_of_content()
        yield from self._faults_of_places()
        yield from self._faults_of_items()
        for one, other in self._touching:
            # A secret may touch any other part, because nobody else knows it.
            if "secret" not in (one, other) and (other != "body" or one == "body"):
                yield f"content needs something between {{{one}}} and {{{other}}}"

    def _faults_of_content(self) -> Iterator[str]:
        names = self._names
        if re.search(r"[{}]", _PLACEHOLDER.sub("", self.content)):
            yield "content may name {body}, {timestamp}, {id}, {method}, {url}, {secret}, {header.NAME}, {query.NAME}"
        if self.covers_body and "body" not in names:
            yield "content lacks {body}, so anybody could change the body: add {body}, or set covers_body = false"
        if not self.covers_body and "body" in names:
            yield "covers_body = false contradicts {body} in content: remove one of them"
        if _CONSTANT.issuperset(names):
            # Every event would be a duplicate of the first, too.
            yield (
                "content is the same in every request, and so is its signature: add {timestamp}, {id} or {body},"
                ' or use scheme = "api-key" with that signature as its secret'
            )
        for name, place in (("timestamp", self.timestamp), ("id", self.id)):
            # What is not signed proves nothing, and what is signed has to be found.
            if place and name not in names:
                yield f"{name} is not signed: add {{{name}}} to content, or remove {name}"
            if not place and name in names:
                yield f"content has {{{name}}}, but {name} has no place: add {name}, for example a header"
        if self.public_url and "url" not in names:
            yield "public_url needs {url} in content: add {url}, or remove public_url"
        if self.public_url and any(brace in self.public_url for brace in self._braces):
            yield "public_url contains a brace, but only the body may contain one in this content: escape it"

    def _faults_of_places(self) -> Iterator[str]:
        if not self.timestamp and self.model_fields_set & {"tolerance_seconds", "timestamp_format"}:
            yield "tolerance_seconds and timestamp_format need a timestamp: add timestamp, or remove them"
        # A timestamp or an id may be in the body or URL that is signed with it.
        for part in ("body", "url"):
            if self.signature.kind == _HOLDERS[part] and part in self._names:
                yield f"signature is inside the {{{part}}} that it signs: use another place, or another content"
        places = [*self._own_places.items(), *self._signed_places.items()]
        for (one, first), (other, second) in combinations(places, 2):
            if first == second:
                yield f"{one} and {other} are the same place: use another place for one of them"
            elif first.kind == second.kind == "body" and _begins(first.path, second.path):
                yield f"one of {one} and {other} is inside the other: each place must be a separate text or number"

    def _faults_of_items(self) -> Iterator[str]:
        """Yield a sentence for each `separator`, `prefix` and `part.KEY` that can never match."""
        separator, parts = self.separator or "", self._of_kind("part")
        if self.signature.kind == "part":
            yield "signature cannot be part.KEY, which is an item of the signature's value: use the place of that value"
        if parts and not separator:
            yield f"{next(iter(parts))} is part.KEY, which needs separator: add the character between two items"
        if not separator:
            return
        if separator in _ALPHABETS[self.encoding]:
            yield f"separator can occur in a signature in {self.encoding}: use another character, or remove separator"
        if separator in self.prefix or self.prefix != self.prefix.lstrip():
            # Items are split at the separator, and surrounding white space is removed.
            yield "prefix contains the separator or begins with white space, so no item can match: use another prefix"
        for name, place in parts.items():
            if separator in f"={place.name}":
                yield f"separator occurs in the item {place.name}=… of {name}: use the character between two items"
            if self.prefix.startswith(f"{place.name}="):
                yield f"prefix and {name} name the same item, {place.name}=…: use another item for one of them"
        if "timestamp" in parts and self.timestamp_format == "iso8601" and separator in "-:T":
            yield "separator occurs in every timestamp of iso8601: use the character between two items"

    def _of_kind(self, kind: str) -> dict[str, Place]:
        return {name: place for name, place in self._own_places.items() if place.kind == kind}

    @property
    def _own_places(self) -> dict[str, Place]:
        """The places that the keys name, by key."""
        places = {"signature": self.signature, "timestamp": self.timestamp, "id": self.id}
        return {name: place for name, place in places.items() if place}

    @cached_property
    def _parts(self) -> list[str]:
        """The content: literal text at even places, names at odd ones."""
        return _PLACEHOLDER.split(self.content)

    @property
    def _names(self) -> list[str]:
        return self._parts[1::2]

    @property
    def _touching(self) -> list[tuple[str, str]]:
        """The pairs of names with nothing between them, or only what one of them may hold as well."""
        content = self.content
        if any(each.isdigit() or each.isupper() for text in self._parts[2:-1:2] for each in text):
            # Compiled for the few that need it: it takes longer than all the rest.
            content = re.sub(_NO_BORDER, "", content)
        parts = _PLACEHOLDER.split(content.replace("{timestamp}", "").replace("{method}", ""))
        return [pair for pair, text in zip(pairwise(parts[1::2]), parts[2:-1:2], strict=True) if not text]

    @cached_property
    def _signed_places(self) -> dict[str, Place]:
        """The headers and parameters that the content names."""
        try:
            return {name: read_place(name) for name in self._names if "." in name}
        except PydanticCustomError as error:
            raise PydanticCustomError("signature", "content: {fault}", {"fault": error.message()}) from None

    @cached_property
    def _braces(self) -> str:
        """The braces that alone show where the body begins (`{`), or where it begins and ends (`{}`); else nothing."""
        # A URL may contain any character except white space.
        if re.search(r"\{body\}\S*\{url\}", self.content):
            return "{}"
        glued = any(other == "body" and one != "secret" for one, other in self._touching)
        return "{" if glued or re.search(r"\{url\}\S*\{body\}", self.content) else ""

    @property
    def _vendor(self) -> Vendor:
        return VENDORS.get(self.scheme, NO_VENDOR)

    def tolerance(self) -> int:
        """Return the window, 0 without a timestamp."""
        return self.tolerance_seconds if self.timestamp else 0

    @property
    def signs_query(self) -> bool:
        """Whether the signature covers the query: where it covers the URL."""
        return "url" in self._names

    def credential_places(self) -> tuple[Place, ...]:
        """Return the places of the signature."""
        others = self._vendor.other_places
        return (self.signature, *self._places(others, "signature"))

    def id_headers(self) -> frozenset[str]:
        """Return the names of the ids' headers."""
        return self._headers("id", self.id)

    def signed_headers(self) -> frozenset[str]:
        """Return the names of the timestamps' headers and of those in the content, too."""
        named = {place.name for place in self._signed_places.values() if place.kind == "header"}
        return self.id_headers() | self._headers("timestamp", self.timestamp) | named

    def _headers(self, name: str, place: Place | None) -> frozenset[str]:
        places = ([place] if place else []) + self._places(self._vendor.other_places, name)
        return frozenset(each.name for each in places if each.kind == "header")

    @staticmethod
    def _places(rows: Mapping[str, str], name: str) -> list[Place]:
        return [read_place(rows[name])] if name in rows else []

    def fault_of_secret(self, secret: str) -> str | None:
        """Return why a secret is not a key, or `None`."""
        key = self.key(secret)
        if key is None:
            return f"is not {self._key_encoding}"
        if len(key) < self._vendor.least_key_bytes:
            return f"is too short: its key has less than {self._vendor.least_key_bytes} bytes"
        # HMAC pads its key with zeros, so a key of zeros is an empty key.
        return None if any(key) else "is empty"

    @property
    def _key_encoding(self) -> KeyEncoding:
        return "utf8"

    def key(self, secret: str) -> bytes | None:
        """Return the key, `None` if the secret is not one."""
        return decode_key(secret.removeprefix(self._vendor.secret_prefix), self._key_encoding)

    def secret_components(self, secret: str) -> Iterator[bytes]:
        """Yield the key, which the secret may encode."""
        if key := self.key(secret):
            yield key

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> Proof:
        """Compute the signature with every secret and compare."""
        values = Values(request)
        claim = self._claim(values)
        self._check_time(claim.timestamp, now)
        urls = self._urls(request)
        texts = {name: self._signed_value(values, name) for name in self._signed_places}
        tried = [
            (secret, url, self._digest(secret, self._content(claim, request, texts, url, secret)))
            for secret in secrets
            # Without a key anybody could make a signature.
            if self.fault_of_secret(secret) is None
            for url in urls
        ]
        matching = first_equal(map(self._canonical, claim.signatures), [digest for _, _, digest in tried])
        if matching is None:
            raise CredentialMismatch("signature does not match")
        secret, url, _ = tried[matching]
        # An id stays the same when the sender sends again, with a new time. The secret does not tell a delivery.
        return Proof(claim.id or key_of_content(self._content(claim, request, texts, url, "")), secret)

    def sign(self, request: Request, secret: str, now: float) -> Request:
        """Add the signature and the values it needs; an existing id or signed value is kept."""
        claim = Claim((), self._timestamp_at(now) if self.timestamp else "", self._new_id(Values(request)))
        held = ((self.timestamp, claim.timestamp), (self.id, claim.id))
        for place, text in held:
            if place and place.kind != "part":
                request = place.write(request, text)
        for place in self._signed_places.values():
            if not Values(request).at(place):
                request = place.write(request, uuid.uuid4().hex)
        texts = {name: Values(request).at(place) or "" for name, place in self._signed_places.items()}
        digest = self._digest(secret, self._content(claim, request, texts, self._urls(request)[0], secret))
        parts = [f"{place.name}={text}" for place, text in held if place and place.kind == "part"]
        return self.signature.write(request, (self.separator or "").join([*parts, f"{self.prefix}{digest}"]))

    def _claim(self, values: Values) -> Claim:
        """Return what the request claims; raises `Unauthorized` if something is missing or malformed."""
        places = {"signature": self.signature, "timestamp": self.timestamp, "id": self.id}
        others = self._vendor.other_places
        if others and not values.at(self.signature):
            places = {name: place for name in places for place in self._places(others, name)}
        value = values.at(places["signature"]) if places["signature"] else None
        if not value:
            raise Unauthorized("no signature")
        items = [value]
        if self.separator:
            items = [item.strip() for item in value.split(self.separator, _MAX_ITEMS)]
        signatures = [item.removeprefix(self.prefix) for item in items if item.startswith(self.prefix)]
        if len(items) > _MAX_ITEMS or not signatures:
            raise Unauthorized("signature is malformed")
        timestamp = _held(values, items, places["timestamp"])
        identifier = _held(values, items, places["id"])
        if self.id and (not identifier or "," in identifier or not self._has_borders("id", identifier)):
            # A comma: the platform has joined two headers.
            raise Unauthorized("id of the delivery is missing or malformed")
        for name, text in (("timestamp", timestamp), ("id", identifier)) if others else ():
            # An expression may read either name, and only one of them is signed.
            if any(
                values.at(place) not in (None, text) for place in (*self._places(others, name), getattr(self, name))
            ):
                raise Unauthorized(f"two headers for the {name} differ")
        return Claim(signatures, timestamp, identifier)

    def _signed_value(self, values: Values, name: str) -> str:
        text = values.at(self._signed_places[name])
        if not text or not self._has_borders(name, text):
            raise Unauthorized("a signed header or parameter is missing or malformed")
        return text

    def _has_borders(self, name: str, text: str) -> bool:
        """Whether a text contains no separator of signed parts, which would make their borders ambiguous.

        A timestamp beside the separator makes no difference: its text may occur in a body as well.
        """
        index = 2 * self._names.index(name) + 1
        inner = self._parts[2:-1:2]
        before = self._parts[index - 1] if index > 1 else ""
        behind = self._parts[index + 1] if index + 2 < len(self._parts) else ""
        if any(brace in text for brace in self._braces):
            return False
        if any(separator and separator in text for separator in inner):
            return False
        # Nor may its end and a separator together contain another separator.
        return not (before and (before + text).rindex(before) != 0) and not (
            behind and (text + behind).index(behind) != len(text)
        )

    def _check_time(self, timestamp: str, now: float) -> None:
        if not self.timestamp:
            return
        if not _TIMES[self.timestamp_format].fullmatch(timestamp):
            raise Unauthorized("timestamp is malformed")
        moment = self._moment_of(timestamp)
        if moment is None:
            raise Unauthorized("timestamp is malformed")
        check_moment(moment, now, self.tolerance_seconds)

    def _moment_of(self, timestamp: str) -> float | None:
        """Return a timestamp of the right form as seconds since the epoch, `None` if no clock shows it."""
        if self.timestamp_format == "iso8601":
            return read_time(timestamp)
        return int(timestamp) / 1000 if self.timestamp_format == "ms" else float(timestamp)

    def _timestamp_at(self, now: float) -> str:
        """Return the timestamp that a sender writes."""
        if self.timestamp_format == "iso8601":
            return datetime.fromtimestamp(int(now), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return str(int(now * 1000 if self.timestamp_format == "ms" else now))

    def _new_id(self, values: Values) -> str:
        if not self.id:
            return ""
        kept = None if self.id.kind == "part" else values.at(self.id)
        return kept or f"msg_{uuid.uuid4().hex}"

    def _urls(self, request: Request) -> list[str]:
        """Return the URLs that the sender may have signed, one empty text if it signs none."""
        if not self.signs_query:
            self._check_brace(request, [])
            return [""]
        urls = [*dict.fromkeys(map(self._vendor.normalise_url, signed_urls(request, self.public_url, request.body)))]
        self._check_brace(request, urls)
        return urls

    def _check_brace(self, request: Request, urls: Sequence[str]) -> None:
        # A piece of the part beside it could pass as a piece of the body, unless a body must have its braces.
        first, last = self._braces[:1].encode(), self._braces[1:].encode()
        is_bare = request.body and not (request.body.startswith(first) and request.body.endswith(last))
        if is_bare or any(brace in url for brace in self._braces for url in urls):
            raise Unauthorized(
                "nothing separates the body from the signed text before it, so the body must be a JSON object"
            )

    def _content(self, claim: Claim, request: Request, texts: Mapping[str, str], url: str, secret: str) -> bytes:
        named: dict[str, Any] = {
            **{name: _bytes(text) for name, text in texts.items()},
            "body": request.body,
            "timestamp": _bytes(claim.timestamp),
            "id": _bytes(claim.id),
            "method": _bytes(request.method),
            "url": _bytes(url),
            "secret": _bytes(secret),
        }
        return b"".join(named[part] if index % 2 else part.encode() for index, part in enumerate(self._parts))

    def _digest(self, secret: str, content: bytes) -> str:
        """Return the signature of a content, as text."""
        raise NotImplementedError

    def _canonical(self, signature: str) -> str:
        """Return a signature as `_digest` writes it: hexadecimal digits in either case, padding or none."""
        if self.encoding == "hex":
            return signature.lower()
        if self.encoding == "base64url" and "=" not in signature:
            return signature + "=" * (-len(signature) % 4)
        return signature


class Hmac(Signature):
    """An HMAC, keyed with the secret."""

    key_encoding: KeyEncoding = "utf8"

    @property
    def _key_encoding(self) -> KeyEncoding:
        return self.key_encoding

    def _digest(self, secret: str, content: bytes) -> str:
        return encode(hmac.digest(self.key(secret) or b"", content, self.algorithm), self.encoding)


class Hash(Signature):
    """The plain digest of a content that contains the secret."""

    algorithm: Literal["sha256", "sha512", "sha1", "md5"] = "sha256"  # type: ignore[assignment] # one more

    def _faults(self) -> Iterator[str]:
        yield from super()._faults()
        if "secret" not in self._names:
            yield "content lacks {secret}, so anybody could make a signature: add {secret}"

    def _digest(self, secret: str, content: bytes) -> str:  # noqa: ARG002 - the content holds it
        return encode(hashlib.new(self.algorithm, content, usedforsecurity=False).digest(), self.encoding)


def _held(values: Values, items: Sequence[str], place: Place | None) -> str:
    """Return the value at the place of a timestamp or an id; empty without a place."""
    if place is None:
        return ""
    if place.kind != "part":
        return values.at(place) or ""
    found = [text for name, _, text in (item.partition("=") for item in items) if name == place.name]
    if len(found) != 1:
        # Two: the platform has joined two headers.
        raise Unauthorized("signature is malformed")
    return found[0]


def _begins(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one path leads to what holds the other's value, or the reverse."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def check_moment(moment: float, now: float, tolerance_s: int) -> None:
    """Refuse a signed time that is further from now than allowed; raises `Unauthorized`, with how far for the log."""
    if abs(ahead_s := moment - now) > tolerance_s:
        off_s, side = math.ceil(abs(ahead_s)), "ahead of" if ahead_s > 0 else "behind"
        raise Unauthorized(f"timestamp is {off_s} s {side} this clock; tolerance {tolerance_s} s")


def encode(digest: bytes, encoding: str) -> str:
    """Return a digest as text, base64 with its padding."""
    if encoding == "hex":
        return digest.hex()
    encoded = base64.urlsafe_b64encode(digest) if encoding == "base64url" else base64.b64encode(digest)
    return encoded.decode()


def decode_key(secret: str, encoding: KeyEncoding) -> bytes | None:
    """Return the key that a secret stands for; `None` if it is no such text. Base64 may lack its padding."""
    if encoding == "utf8":
        return _bytes(secret)
    if encoding == "hex":
        return bytes.fromhex(secret) if _HEX.fullmatch(secret) else None
    try:
        return base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
