"""Recognizes credentials by their name, and by their value in many spellings.

Dead letters, `local.explain` and the console all use this module, and nothing else.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from urllib.parse import unquote, unquote_plus

from shared.callers.schemes.scheme import Scheme

# `X-Api-Key`, `api_key` and `apiKey` are the same words. A header's name has lost its capitals: `xapikey` is one.
_NAME_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Whole words, or the end of a word; `author` and `hotpot` do not match.
_ENDINGS = ("auth", "authn", "authz", "authentication", "authorization", "authorisation", "otp", "pwd")
_WORDS = frozenset(["assertion", "bearer", "csrf", "pw", "sig", "xsrf"])
# These say nothing in a longer name: `call_sid`, `sign_in`.
_WHOLE_NAMES = frozenset(["pass", "pin", "sid", "sign"])
# Words before `key` that make it a name; any other key may be a credential.
_PLAIN_KEY = re.compile(
    r"cache|dedup(lication)?|event|foreign|group|idempotency|issue|message|object|ordering|partition|primary|project"
    r"|public|routing|search|sort"
)
# Words that mark a name as a credential's wherever they occur in it; the look-behinds exclude harmless words.
_ANYWHERE = re.compile(
    r"cookie|credential|hmac|jwt|(?<!com)pass[-_]?(word|wd|phrase|code|key)|secret(?!ar|ion|ive)"
    r"|(?<!ob)(?<!pos)session|sessid|signature|token(?!i[sz])"
    r"|(api|access|app|auth|client|encryption|functions?|master|private|shared|signing|subscription)[-_]?keys?"
    # The platform's own.
    r"|^x-(acs|fc)-",
    re.IGNORECASE,
)


def names_a_credential(name: str) -> bool:
    """Whether the value under this name of a header, parameter or field is probably a credential.

    Beside these a caller's scheme has names of its own (`Scheme.credential_places`).
    """
    if _ANYWHERE.search(name):
        return True
    words = [word.lower() for word in _NAME_WORD.findall(name)]
    if words[:1] == ["x"]:
        del words[0]
    if words[1:] == [] and not _WHOLE_NAMES.isdisjoint(words):
        return True
    is_key = any(word == "key" and not _PLAIN_KEY.fullmatch(before) for before, word in pairwise(["", *words]))
    return is_key or any(word in _WORDS or word.endswith(_ENDINGS) for word in words)


# A shorter text is part of too many others: it is known again only as the whole of one,
_LEAST_WITHIN = 4
# or, if it is not that short, as a separate word.
_LEAST_ANYWHERE = 8
# An identifier is one word with its hyphens: `ccc-test` does not contain `test`.
_WORD = "[A-Za-z0-9_-]"
# What one program has encoded another has encoded again: a URL in JSON, a URL in a URL.
_ROUNDS = 2
_ENCODED = re.compile(r"[%+\\]")
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))')
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class SecretSpellings:
    """The spellings of secrets."""

    def __init__(self, *known: tuple[Scheme, Sequence[str]]) -> None:
        """Prepare for secrets, those of each scheme; an empty one is none."""
        pairs = [(scheme, secret) for scheme, secrets in known for secret in secrets]
        parts = {part for scheme, secret in pairs for part in scheme.secret_components(secret)} - {b""}
        texts = {text for _, secret in pairs for text in (secret, secret.removeprefix("whsec_"))} - {""}
        encoded = {form for raw in {*parts, *map(_bytes, texts)} for form in _encoded(raw)}
        encoded |= {form for text in texts for form in _within_base64(_bytes(text))}
        words = set(_decoded(parts))
        texts |= encoded
        self._anywhere = {text for text in texts if len(text) >= _LEAST_ANYWHERE}
        words |= texts - self._anywhere
        self._whole = {word for word in words if len(word) < _LEAST_WITHIN}
        self._words = {word: _alone(word) for word in words - self._whole - self._anywhere}

    def are_in(self, text: str) -> bool:
        """Whether a text contains one of the secrets, plain or after decoding."""
        return any(self._are_in(reading) for reading in _readings(text))

    def _are_in(self, reading: str) -> bool:
        return (
            reading in self._whole
            or any(secret in reading for secret in self._anywhere)
            or any(word in reading and alone.search(reading) for word, alone in self._words.items())
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decoded(parts: set[bytes]) -> Iterator[str]:
    """Yield those that are text."""
    for part in parts:
        try:
            yield part.decode()
        except UnicodeDecodeError:
            continue


def _encoded(raw: bytes) -> Iterator[str]:
    """Yield bytes in both kinds of base64, as far as it is the same with and without padding, and in hexadecimal."""
    if len(raw) < _LEAST_WITHIN:
        return
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
    yield raw.hex()
    yield raw.hex().upper()


def _within_base64(raw: bytes) -> Iterator[str]:
    """Yield what base64 makes of bytes that stand within others, wherever they begin and whatever is around them."""
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Six bits a character: the first and the last may be their neighbours', too.
            form = encode(bytes(before) + raw)[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6].decode()
            if len(form) >= _LEAST_ANYWHERE:
                yield form


def _alone(word: str) -> re.Pattern[str]:
    return re.compile(f"(?<!{_WORD}){re.escape(word)}(?!{_WORD})")


def _readings(text: str) -> set[str]:
    """Return a text, and the forms that programs may decode it to; usually all are equal."""
    readings = {text}
    if not _ENCODED.search(text):
        return readings
    for _ in range(_ROUNDS):
        readings |= {decode(reading) for reading in readings for decode in (unquote, unquote_plus, _unescaped)}
    return readings


def _unescaped(text: str) -> str:
    """Return a text with JSON's escapes decoded, in strings and out of them: it need not be whole, nor valid."""
    if "\\" not in text:
        return text
    # Two surrogates are one character.
    return _JSON_ESCAPE.sub(_character, text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _character(escape: re.Match[str]) -> str:
    digits, control = escape.groups()
    return chr(int(digits, 16)) if digits else _CONTROLS.get(control, control)
