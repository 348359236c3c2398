"""Strict decoding of a body: JSON, form or, where there is no body, the query.

Lenient decoders disagree with each other (which of two equal keys counts, what `NaN` is), and a signature proves only
the bytes: what two readers may read differently is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote

from shared.problems import MalformedRequest, UnsupportedMediaType

MAX_DEPTH = 32
_INT64 = range(-(2**63), 2**63)
_INT64_CHARACTERS = 20
# Of a query, and of a form that has to be read before it is proved; the senders' have a few dozen at most.
MAX_PAIRS = 100
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def decode_body(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the object that the body of an HTTP request holds, an empty one where there is no body.

    Args:
        body: the raw bytes.
        headers: by lower-case name.

    Raises:
        UnsupportedMediaType: a body that is neither JSON nor a form, not UTF-8 by its own word, or compressed.
        MalformedRequest: it cannot be decoded.
    """
    if not body:
        return {}
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("content-encoding")
    for parameter in headers.get("content-type", "").lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(" \t\"'") not in ("utf-8", "utf8"):
            raise UnsupportedMediaType("charset")
    if is_json(headers):
        return decode_json(body)
    if is_form(headers):
        return decode_form(body)
    raise UnsupportedMediaType("content-type")


def is_json(headers: Mapping[str, str]) -> bool:
    """Return whether the content type is JSON's own or one that ends in `+json` (RFC 6839)."""
    media_type = _media_type(headers)
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def is_form(headers: Mapping[str, str]) -> bool:
    """Return whether the content type is a form's."""
    return _media_type(headers) == "application/x-www-form-urlencoded"


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def decode_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`.

    UTF-8, no duplicate keys, no `NaN` or infinity, at most 32 levels deep (the object is the first), integers within
    64 bit signed, doubles within their range, no lone surrogates.

    Raises:
        MalformedRequest: anything else.
    """
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedRequest("body is no acceptable JSON") from None
    if not isinstance(value, dict):
        raise MalformedRequest("body is no JSON object")
    _check_tree(value)
    return value


def decode_query(query: Mapping[str, str], raw: str | None = None) -> dict[str, str]:
    """Return the parameters of a query.

    Where the query is at hand as it was sent, it is decoded once. Else its values come from the platform, and whether
    it decodes them is not documented. What still holds an escape is decoded here: none of CCC's documented identifiers
    has a per cent sign, so that both cases give the same value. Names stay as they are.

    Args:
        query: as the event has it.
        raw: as it was sent, where that is known; it alone counts then.

    Raises:
        MalformedRequest: a value that is no UTF-8, or more than 100 parameters where it is known as it was sent.
    """
    try:
        decoded = (
            {name: unquote(value, errors="strict") for name, value in query.items()} if raw is None else read_query(raw)
        )
        "".join((*decoded, *decoded.values())).encode("utf-8")
    except ValueError:
        raise MalformedRequest("query is no UTF-8, or has too many parameters") from None
    return decoded


def read_query(raw: str, errors: str = "strict") -> dict[str, str]:
    """Return the parameters of a query as the platform has them: values under one name joined with a comma.

    Args:
        raw: the query as it was sent.
        errors: what becomes of bytes that are no UTF-8, as `bytes.decode` takes it.

    Raises:
        ValueError: they are no UTF-8, or there are more than 100 parameters.
    """
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True, errors=errors, max_num_fields=MAX_PAIRS):
        values.setdefault(name, []).append(value)
    return {name: ",".join(found) for name, found in values.items()}


def decode_form(body: bytes) -> dict[str, str]:
    """Return the fields of an `application/x-www-form-urlencoded` body: UTF-8, every field once.

    Raises:
        MalformedRequest: anything else.
    """
    try:
        return _unique(read_form(body))
    except ValueError:
        raise MalformedRequest("body is no acceptable form") from None


def read_form(body: bytes, most: int = -1) -> list[tuple[str, str]]:
    """Return names and values of a form, in its order.

    Args:
        body: the raw bytes.
        most: how many fields it may have; as many as it likes if negative.

    Raises:
        ValueError: a bad escape, no UTF-8, or too many fields.
    """
    # Decoded as a whole as well: escapes must not make characters of bytes that are none.
    body.decode()
    pieces = _with_pythons_escapes(body).split(b"&", most)
    if most >= 0 and len(pieces) > most:
        raise ValueError("too many fields")
    pairs = (piece.partition(b"=") for piece in pieces if piece)
    return [(_text(name), _text(value)) for name, _, value in pairs]


def _with_pythons_escapes(form: bytes) -> bytes:
    r"""Return a form with `\x41` for `%41`: Python reads thousands of its own a hundred times as fast as `unquote`."""
    return form.replace(b"+", b" ").replace(b"\\", b"\\\\").replace(b"%", b"\\x")


def _text(piece: bytes) -> str:
    # Bytes in between are characters of one byte each.
    return (piece.decode("unicode_escape").encode("latin-1") if b"\\" in piece else piece).decode()


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    items = list(pairs)
    table = dict(items)
    if len(table) != len(items):
        raise ValueError("duplicate key")
    return table


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("no JSON number")


def _integer(digits: str) -> int:
    if len(digits) > _INT64_CHARACTERS or (value := int(digits)) not in _INT64:
        raise ValueError("integer over 64 bit")
    return value


def _double(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("number over a double's range")
    return value


# `json.loads` would build one at every call.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer, parse_float=_double)


def _check_tree(root: dict[str, Any]) -> None:
    level: list[Any] = [root]
    for _ in range(MAX_DEPTH):
        texts = [key for node in level if isinstance(node, dict) for key in node]
        children = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
        texts += [child for child in children if isinstance(child, str)]
        if any("\ud800" <= character <= "\udfff" for text in texts if not text.isascii() for character in text):
            raise MalformedRequest("body has a lone surrogate")
        level = [child for child in children if isinstance(child, (dict, list))]
        if not level:
            return
    raise MalformedRequest("body is nested too deep")
