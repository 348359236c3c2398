"""One verifier for all HMAC signatures over headers and body: a `Format` says how a sender signs, as data."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Annotated, ClassVar, Literal, NamedTuple

from shared.callers.schemes.scheme import Scheme, first_equal, key_of_content
from shared.callers.schemes.urls import PublicUrl, signed_urls
from shared.callers.secret_references import SecretReferences
from shared.payload.decode import is_json
from shared.problems import CredentialMismatch, Unauthorized
from shared.runtime.event import Request
from shared.validation import whole_number

Algorithm = Literal["sha256", "sha512", "sha1"]
Encoding = Literal["hex", "base64"]
KeyEncoding = Literal["utf8", "base64", "hex"]
TimestampUnit = Literal["s", "ms"]

# Of a header that lists signatures: one per secret that counts at the sender, of one or two versions.
_MAX_ITEMS = 20
PLACEHOLDER = re.compile(r"\{(body|timestamp|id|method|url)\}")
# URL and body with no space or line break between them.
_ONE_TEXT = re.compile(r"\{url\}[^{}\s]*\{body\}|\{body\}[^{}\s]*\{url\}")
# The text between an id and its neighbour, if that has no form of its own: the id must not hold it, or its border could
# be moved.
_BEFORE_ID, _BEHIND_ID = (
    re.compile(r"\{(?:body|url|method)\}([^{}]+)\{id\}"),
    re.compile(r"\{id\}([^{}]+)\{(?:body|url|method)\}"),
)
_HEX = re.compile(r"([0-9A-Fa-f]{2})+")
# Digits of ASCII alone: `int` would take spaces, underscores and the digits of any script. No leading zeros: where
# nothing separates the timestamp from what stands before it, those could have been the end of that.
_SECONDS, _MILLISECONDS = re.compile(r"[1-9][0-9]{0,11}"), re.compile(r"[1-9][0-9]{0,14}")
_ISO_8601 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


class Claim(NamedTuple):
    """What a request says of its own signature."""

    signatures: Sequence[str]
    timestamp: str = ""
    identifier: str = ""


class Layout(NamedTuple):
    """How a header holds signatures: `read(value, prefix)` returns them and a timestamp, `write` is its inverse.

    `read` raises `ValueError` for a value that is not of this layout.
    """

    read: Callable[[str, str], tuple[list[str], str]]
    write: Callable[[str, str, str], str]


def _read_one(value: str, prefix: str) -> tuple[list[str], str]:
    if not value.startswith(prefix):
        raise ValueError
    return [value.removeprefix(prefix)], ""


def _split(value: str, separator: str) -> list[str]:
    items = value.split(separator, _MAX_ITEMS)
    if len(items) > _MAX_ITEMS:
        raise ValueError
    return items


def _read_list(value: str, prefix: str) -> tuple[list[str], str]:
    items = _split(value, " ")
    # Unknown versions are skipped, one that is known has to be there; a second comma comes of two headers joined.
    known = [item.removeprefix(prefix) for item in items if item.startswith(prefix)]
    if not known or any(item.count(",") > 1 for item in items):
        raise ValueError
    return known, ""


def _read_pairs(value: str, prefix: str) -> tuple[list[str], str]:
    pairs = [item.strip().partition("=") for item in _split(value, ",")]
    # Two timestamps: the platform has joined two headers.
    (timestamp,) = [text for name, _, text in pairs if name == "t"]
    known = [text for name, _, text in pairs if f"{name}=" == prefix]
    if not known:
        raise ValueError
    return known, timestamp


ONE = Layout(_read_one, lambda signature, _timestamp, prefix: f"{prefix}{signature}")
SPACED_LIST = Layout(_read_list, lambda signature, _timestamp, prefix: f"{prefix}{signature}")
PAIRS = Layout(_read_pairs, lambda signature, timestamp, prefix: f"t={timestamp},{prefix}{signature}")


@dataclass(frozen=True)
class Format:
    """How a sender signs. Header names are in lower case.

    Attributes:
        header: holds the signature.
        content: what the signature covers, a template of `{body}`, `{timestamp}`, `{id}`, `{method}` and `{url}`.
        algorithm: the hash of the HMAC.
        encoding: of the signature.
        prefix: stands before each signature.
        layout: how the header holds signatures.
        timestamp_header: holds the timestamp, where it is not in `header`.
        timestamp_unit: seconds, milliseconds, or ISO 8601 in UTC.
        id_header: holds the id of the delivery.
        normalise_url: what the sender does to the URL before it signs it.
    """

    header: str
    content: str = "{body}"
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    layout: Layout = ONE
    timestamp_header: str | None = None
    timestamp_unit: TimestampUnit | Literal["iso8601"] = "s"
    id_header: str | None = None
    normalise_url: Callable[[str], str] = str

    def read(self, request: Request) -> Claim:
        """Return what the headers claim.

        Raises:
            Unauthorized: one is missing or malformed.
        """
        try:
            signatures, timestamp = self.layout.read(request.headers[self.header], self.prefix)
            if self.timestamp_header:
                timestamp = request.headers[self.timestamp_header]
            identifier = request.headers[self.id_header] if self.id_header else ""
        except (KeyError, ValueError):
            raise Unauthorized("signature headers are missing or malformed") from None
        if self.id_header and (not identifier or "," in identifier or not self._has_borders(identifier)):
            # A comma: the platform has joined two headers.
            raise Unauthorized("id of the delivery is malformed")
        return Claim(signatures, timestamp, identifier)

    def _has_borders(self, identifier: str) -> bool:
        before, behind = _BEFORE_ID.search(self.content), _BEHIND_ID.search(self.content)
        return (before is None or (before[1] + identifier).rindex(before[1]) == 0) and (
            behind is None or (identifier + behind[1]).index(behind[1]) == len(identifier)
        )

    def time_of(self, timestamp: str) -> float:
        """Return a timestamp as seconds since the epoch.

        Raises:
            Unauthorized: it is malformed.
        """
        if self.timestamp_unit == "s" and _SECONDS.fullmatch(timestamp):
            return float(timestamp)
        if self.timestamp_unit == "ms" and _MILLISECONDS.fullmatch(timestamp):
            return int(timestamp) / 1000
        if self.timestamp_unit == "iso8601" and _ISO_8601.fullmatch(timestamp):
            try:
                return datetime.fromisoformat(timestamp.removesuffix("Z")[:19]).replace(tzinfo=timezone.utc).timestamp()
            except ValueError:
                pass
        raise Unauthorized("timestamp is malformed")

    def timestamp_at(self, now: float) -> str:
        """Return the timestamp that a sender writes."""
        if self.timestamp_unit == "iso8601":
            return datetime.fromtimestamp(int(now), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return str(int(now * 1000 if self.timestamp_unit == "ms" else now))

    def contents(self, claim: Claim, request: Request, public_url: str | None) -> list[bytes]:
        """Return what the sender may have signed: one, or one per spelling of the URL."""
        urls = signed_urls(request, public_url, request.body) if "{url}" in self.content else [""]
        spelled = dict.fromkeys(map(self.normalise_url, urls))
        return [self._content(claim, request, url) for url in spelled]

    def _content(self, claim: Claim, request: Request, url: str) -> bytes:
        texts = {"timestamp": claim.timestamp, "id": claim.identifier, "method": request.method, "url": url}
        values = {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()} | {"body": request.body}
        # Even places are literal, odd ones are names.
        parts = PLACEHOLDER.split(self.content)
        return b"".join(values[part] if index % 2 else part.encode() for index, part in enumerate(parts))

    def signature(self, key: bytes, content: bytes) -> str:
        """Return the signature of `content`."""
        return encode(hmac.digest(key, content, self.algorithm), self.encoding)


class Signed(Scheme):
    """A scheme whose sender signs with a shared secret."""

    signs: ClassVar[bool] = True
    secrets: SecretReferences

    def formats(self) -> Sequence[Format]:
        """Return how the sender signs; the first one whose header is there counts."""
        raise NotImplementedError

    def key(self, secret: str) -> bytes | None:
        """Return the key of the HMAC, `None` if the secret holds none."""
        return decode_key(secret, "utf8")

    def url(self) -> str | None:
        """Return the public URL, where it is configured."""
        return None

    def is_usable(self, secret: str) -> bool:
        """A secret is usable if it holds a key, and no white space around it: that is a slip of whoever set it."""
        key = self.key(secret)
        # HMAC pads its key with zeros: a key of zeros is none.
        return secret == secret.strip() and key is not None and any(key)

    @property
    def covers_query(self) -> bool:
        """Whether the signature covers the query: where it covers the URL."""
        return any("{url}" in form.content for form in self.formats())

    def proof_headers(self) -> frozenset[str]:
        """Return the names of the signature's headers, too."""
        return super().proof_headers() | {form.header for form in self.formats()}

    def id_headers(self) -> frozenset[str]:
        """Return the names of the ids' headers."""
        return frozenset(form.id_header for form in self.formats() if form.id_header)

    def signed_headers(self) -> frozenset[str]:
        """Return the names of the timestamps' headers, too."""
        return super().signed_headers() | {form.timestamp_header for form in self.formats() if form.timestamp_header}

    def parts(self, secret: str) -> Iterator[bytes]:
        """Yield the key, which the secret may hold in an encoding."""
        if key := self.key(secret):
            yield key

    def verify(self, request: Request, secrets: Sequence[str], now: float) -> str:
        """Compute the signature with every secret and compare."""
        form = next((form for form in self.formats() if form.header in request.headers), None)
        if form is None:
            raise Unauthorized("no signature")
        claim = form.read(request)
        if (
            _ONE_TEXT.search(form.content)
            and request.body
            and (request.method == "GET" or not is_json(request.headers))
        ):
            # Nothing that a URL cannot hold separates the two: the end of a query could be passed off as a body, unless
            # that has to begin with a brace, which no query holds unescaped.
            raise Unauthorized("URL and body are signed as one, and the body is no JSON")
        if self.tolerance() and abs(ahead_s := form.time_of(claim.timestamp) - now) > self.tolerance():
            off_s, side = math.ceil(abs(ahead_s)), "ahead of" if ahead_s > 0 else "behind"
            raise Unauthorized(f"timestamp is {off_s} s {side} this clock; tolerance {self.tolerance()} s")
        contents = form.contents(claim, request, self.url())
        keys = [key for secret in secrets if (key := self.key(secret))]
        expected = [form.signature(key, content) for key in keys for content in contents]
        # Some senders write hexadecimal digits in upper case.
        spelled = expected + [text.upper() for text in expected] if form.encoding == "hex" else expected
        matching = first_equal(claim.signatures, spelled)
        if matching is None:
            raise CredentialMismatch("signature does not match")
        # An id stays the same when the sender sends again, with a new time.
        return claim.identifier or key_of_content(contents[matching % len(contents)])

    def sign(self, request: Request, secret: str, now: float) -> Request:
        """Add the headers of the first format; an id that is there already is kept."""
        form = self.formats()[0]
        timestamp = form.timestamp_at(now)
        headers = {form.timestamp_header: timestamp} if form.timestamp_header else {}
        if form.id_header:
            headers[form.id_header] = request.headers.get(form.id_header) or f"msg_{uuid.uuid4().hex}"
        claim = Claim((), timestamp, headers.get(form.id_header or "", ""))
        content = form.contents(claim, request, self.url())[0]
        signature = form.signature(self.key(secret) or b"", content)
        return request.with_headers(headers | {form.header: form.layout.write(signature, timestamp, form.prefix)})


class Timestamped(Signed):
    """A scheme whose signature covers a timestamp."""

    tolerance_seconds: Annotated[int, whole_number(1, 86_400)] = 300

    def tolerance(self) -> int:
        """Return the window."""
        return self.tolerance_seconds


class UrlSigned(Timestamped):
    """A scheme whose signature covers the URL, too."""

    public_url: PublicUrl | None = None

    def url(self) -> str | None:
        """Return the public URL."""
        return self.public_url


def encode(digest: bytes, encoding: Encoding) -> str:
    """Return a digest as text."""
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def decode_key(secret: str, encoding: KeyEncoding) -> bytes | None:
    """Return the key that a secret stands for; `None` if it is no such text. Base64 may lack its padding."""
    if encoding == "utf8":
        return secret.encode("utf-8", "surrogatepass")
    if encoding == "hex":
        return bytes.fromhex(secret) if _HEX.fullmatch(secret) else None
    try:
        return base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
