"""Masks secrets in the output: by their name, and by their value anywhere.

It is used for values of a request or of the configuration, but not for the report's own keys and words, because a
secret may be equal to one of them.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from shared.callers.file import Callers
from shared.callers.schemes import Scheme
from shared.callers.secret_references import OPTIONAL, GetSecret, SecretUnavailableError, read_secrets
from shared.observability.redaction import SecretSpellings, names_a_credential
from shared.problems import ConfigurationError
from shared.runtime.event import Request

MASK = "***"
# A shorter part of a header is a word of its syntax: `Bearer`, `v1`.
_LEAST_PART = 8
# A shorter secret is part of too many words: it is known again only where it is the whole of a text.
_LEAST_WITHIN = 4


class Mask:
    """What must not be shown of one request."""

    def __init__(self, names: Iterable[str], values: Iterable[str], secrets: SecretSpellings | None = None) -> None:
        """Hide what stands under these names, beside those that always tell a credential, and these values.

        A text that holds one of the secrets in another spelling is hidden as a whole.
        """
        self._secrets = secrets
        self._names = {name.lower() for name in names}
        whole: set[str] = set()
        within: set[str] = set()
        for value in filter(None, values):
            (within if len(value) >= _LEAST_WITHIN else whole).update(_spellings(value))
        self._whole = whole
        # The longest first, or a part of it would be left.
        ordered = sorted(within, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def hides(self, name: str) -> bool:
        """Whether what stands under this name is a credential."""
        return name.lower() in self._names or names_a_credential(name)

    def __call__(self, value: Any) -> Any:
        """Return a JSON value with its secrets masked, by name and by value, at any depth."""
        if isinstance(value, Mapping):
            return {self._text(name): MASK if item and self.hides(name) else self(item) for name, item in value.items()}
        return [self(item) for item in value] if isinstance(value, list) else self.by_value(value)

    def by_value(self, value: Any) -> Any:
        """Return a JSON value with its secrets masked by value alone: for what has names of our own."""
        if isinstance(value, Mapping):
            return {name: self.by_value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.by_value(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        if text in self._whole:
            return MASK
        shown = self._values.sub(MASK, text) if self._values else text
        return MASK if self._secrets and self._secrets.are_in(shown) else shown


def mask_for(request: Request, callers: Callers | None, get_secret: GetSecret) -> Mask:
    """Return what to hide of a request.

    Args:
        request: it may hold a wrong credential, which is nearly a right one.
        callers: of the callers file; `None` where it cannot be read, and then every header and every parameter of the
            query is hidden, since any of them may be a credential.
        get_secret: returns what a reference stands for: the secrets themselves are hidden wherever they stand.
    """
    if callers is None:
        return Mask([*request.headers, *request.query], ())
    schemes = [scheme for caller in callers.callers.values() for scheme in caller.schemes]
    names = {name for scheme in schemes for name in scheme.credential_headers() | scheme.credential_query()}
    sent = {**request.headers, **request.query}
    bare = Mask(names, ())
    values = [part for name, value in sent.items() if bare.hides(name) for part in _parts(value)]
    secrets = [(scheme, list(_readable(scheme.secrets or (), get_secret))) for scheme in schemes]
    parts = (part for scheme, known in secrets for part in _secrets_of(scheme, known))
    return Mask(names, [*values, *parts], SecretSpellings(*secrets))


def _secrets_of(scheme: Scheme, secrets: Iterable[str]) -> Iterable[str]:
    """Yield a scheme's secrets and the parts of them that are secrets, too."""
    for secret in secrets:
        yield secret
        yield secret.removeprefix("whsec_")
        yield base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode()
        if scheme.scheme == "basic":
            yield secret.partition(":")[2]


def _readable(references: Sequence[str], get_secret: GetSecret) -> Iterable[str]:
    """Yield what the references stand for: here one that is missing is no fault, and one of no use is still secret."""
    for reference in references:
        with contextlib.suppress(ConfigurationError, SecretUnavailableError):
            yield from read_secrets([f"{reference.removesuffix(OPTIONAL)}{OPTIONAL}"], get_secret, lambda _: None)


def _parts(value: str) -> Iterable[str]:
    """Yield a header's value and those parts of it that may be a credential by themselves."""
    yield value
    for part in re.split(r"[\s,;]+", value):
        for text in (part, part.partition("=")[2], _decoded(part)):
            if len(text) >= _LEAST_PART:
                yield text


def _decoded(text: str) -> str:
    """Return what text in base64 stands for (name and password), an empty text where it is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""


def _spellings(value: str) -> Iterable[str]:
    """Yield the ways in which a value may be written in a URL."""
    yield value
    if len(decoded := unquote(value)) >= _LEAST_PART:
        yield decoded
    for quoted in (quote, quote_plus):
        yield quoted(value, safe="", errors="surrogatepass")
