"""The expressions of the callers file: JMESPath (jmespath.org) plus three functions.

`from_json`, `from_base64` and `url_decode` find nothing if they cannot read their input, like a path without a match.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote_plus

import jmespath
from jmespath import functions
from jmespath.exceptions import LexerError

from shared.payload.decode import BAD_ESCAPE, parse_json
from shared.problems import MalformedRequest

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_A_PATH_OF_NAMES = re.compile(r"""["'`()|&<>=!@*\[\]{},]""")
# Any type: what is no text is nothing.
_ANY: Any = {"types": []}


class Functions(functions.Functions):
    """JMESPath's functions and ours."""

    def __init__(self, secret: str | None = None) -> None:
        """Key `hmac_sha256` with a secret; without one it finds nothing."""
        self._secret = secret

    @functions.signature(_ANY)
    def _func_from_json(self, text: object) -> Any:
        try:
            return parse_json(text) if isinstance(text, str) else None
        except (ValueError, MalformedRequest):
            return None

    @functions.signature(_ANY)
    def _func_from_base64(self, text: object) -> str | None:
        if not isinstance(text, str):
            return None
        standard = text.replace("-", "+").replace("_", "/").rstrip("=")
        try:
            return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True).decode()
        except ValueError:
            return None

    @functions.signature(_ANY)
    def _func_url_decode(self, text: object) -> str | None:
        if not isinstance(text, str) or BAD_ESCAPE.search(text):
            return None
        try:
            return unquote_plus(text, errors="strict")
        except ValueError:
            return None

    @functions.signature(_ANY)
    def _func_hmac_sha256(self, text: object) -> str | None:
        if not isinstance(text, str) or self._secret is None:
            return None
        return hmac.digest(self._secret.encode(), text.encode("utf-8", "surrogatepass"), "sha256").hex()


FUNCTIONS: frozenset[str] = frozenset(Functions.FUNCTION_TABLE)
_OPTIONS = jmespath.Options(custom_functions=Functions())


def parse(text: str) -> Any:
    """Return a compiled expression.

    Raises:
        ValueError: it is none; its arguments are where, from 0, or `None`, and how to write it, or nothing.
    """
    try:
        return jmespath.compile(text)
    except LexerError as error:
        raise ValueError(error.lex_position, _quoted(text)) from None
    except (ValueError, RecursionError) as error:
        # JMESPath's own, or an index of too many digits.
        raise ValueError(getattr(error, "lex_position", None), "") from None


def search(expression: Any, document: Mapping[str, Any], secret: str | None = None) -> Any:
    """Return what an expression finds, `None` for nothing; raises what JMESPath and its functions raise."""
    options = _OPTIONS if secret is None else jmespath.Options(custom_functions=Functions(secret))
    return expression.search(document, options)


def arity(name: str) -> tuple[int, bool] | None:
    """Return how many arguments a function takes, and whether it takes more; `None` if there is no such function."""
    if name not in Functions.FUNCTION_TABLE:
        return None
    signature = cast("tuple[dict[str, Any], ...]", Functions.FUNCTION_TABLE[name]["signature"])
    return len(signature), bool(signature) and "variadic" in signature[-1]


def _quoted(text: str) -> str:
    """Return how to write a path whose names need quotes, nothing for what is no path of names."""
    if _NOT_A_PATH_OF_NAMES.search(text):
        return ""
    return ".".join(name if _PLAIN_NAME.fullmatch(name) else f'"{name}"' for name in text.split("."))
