"""Strict decoding of a body: JSON, form or, without a body, the query.

Lenient decoders disagree with each other (which of two equal keys counts, what `NaN` is), but a signature proves only
bytes. So a body that two decoders may read differently is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote

from shared.problems import MalformedRequest, UnsupportedMediaType
from shared.runtime.event import PayloadFormat

MAX_DEPTH = 32
# Python refuses to read longer integers; no identifier has half as many digits.
_MAX_DIGITS = 4300
_INFINITY = float("inf")
# Of a query, and of a form that has to be read before it is proved; the senders' have a few dozen at most.
MAX_PAIRS = 100
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")
# Some senders take the header for the charset.
_NOT_COMPRESSED = ("", "identity", "utf-8")
_LOOKS_LIKE_A_FORM = re.compile(rb"[\w.%\[\]+-]+=")


def decode_body(
    body: bytes, headers: Mapping[str, str], payload_format: PayloadFormat = "auto", *, has_expressions: bool = False
) -> Any:
    """Return the decoded body of an HTTP request, an empty object without a body.

    Args:
        body: the raw bytes.
        headers: by lower-case name.
        payload_format: `auto` decodes by content type; the others ignore it.
        has_expressions: whether expressions read the payload. JSON may then be any value, else an object; and a form
            field that comes twice is a list, else an error.

    Raises:
        UnsupportedMediaType: a body that is neither JSON nor a form, not UTF-8 by its own word, or compressed.
        MalformedRequest: it cannot be decoded.
    """
    if not body:
        return {}
    _check_encoding(headers)
    match format_of(headers, payload_format):
        case "json":
            return decode_json(body, any_value=has_expressions)
        case "form":
            return decode_form(body, lists=has_expressions)
    raise UnsupportedMediaType("content-type")


def format_of(headers: Mapping[str, str], payload_format: PayloadFormat) -> PayloadFormat:
    """Return the format of a body, `auto` if neither the caller nor the content type says it."""
    if payload_format != "auto":
        return payload_format
    return "json" if is_json(headers) else "form" if is_form(headers) else "auto"


def _check_encoding(headers: Mapping[str, str]) -> None:
    if headers.get("content-encoding", "").strip().lower() not in _NOT_COMPRESSED:
        raise UnsupportedMediaType("content-encoding")
    for parameter in headers.get("content-type", "").lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(" \t\"'") not in _CHARSETS:
            raise UnsupportedMediaType("charset")


def is_json(headers: Mapping[str, str]) -> bool:
    """Return whether the content type is JSON's own or one that ends in `+json` (RFC 6839)."""
    media_type = _media_type(headers)
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def is_form(headers: Mapping[str, str]) -> bool:
    """Return whether the content type is a form's."""
    return _media_type(headers) == "application/x-www-form-urlencoded"


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def decode_json(body: bytes, *, any_value: bool = False) -> Any:
    """Return the JSON in `body`, an object unless any value will do.

    UTF-8, with or without a byte order mark; no duplicate keys, no `NaN` or infinity, no number that a float cannot
    hold (`1e999`), at most 32 levels deep (the outermost value is the first), integers of at most 4300 digits, no lone
    surrogates.

    Raises:
        MalformedRequest: anything else.
    """
    try:
        value = parse_json(_text_of(body))
    except json.JSONDecodeError as error:
        if _LOOKS_LIKE_A_FORM.match(body):
            raise MalformedRequest("the body is not JSON; it looks like a form") from None
        raise MalformedRequest(f"the body is not valid JSON at line {error.lineno}, column {error.colno}") from None
    if not any_value and not isinstance(value, dict):
        raise MalformedRequest("the body is JSON, but not an object")
    return value


def parse_json(text: str) -> Any:
    """Return the value of a JSON text, by the rules of `decode_json`.

    Raises:
        MalformedRequest: a value that breaks one of them.
        json.JSONDecodeError: no JSON.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _too_deep() from None
    _check_tree(value)
    return value


def _text_of(body: bytes) -> str:
    if body.startswith(_UTF_16_MARKS):
        raise MalformedRequest("the body begins with the byte order mark of UTF-16; send UTF-8")
    try:
        return body.removeprefix(_BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError:
        raise MalformedRequest("the body is not UTF-8") from None


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
        raise MalformedRequest("query is not UTF-8, or has too many parameters") from None
    return decoded


def read_query(raw: str, errors: str = "strict") -> dict[str, str]:
    """Return the parameters of a query as the platform has them: values under one name joined with a comma.

    Args:
        raw: the query as it was sent.
        errors: how to handle bytes that are not UTF-8, as in `bytes.decode`.

    Raises:
        ValueError: they are no UTF-8, or there are more than 100 parameters.
    """
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True, errors=errors, max_num_fields=MAX_PAIRS):
        values.setdefault(name, []).append(value)
    return {name: ",".join(found) for name, found in values.items()}


def decode_form(body: bytes, *, lists: bool = False) -> dict[str, Any]:
    """Return the fields of an `application/x-www-form-urlencoded` body in UTF-8.

    Args:
        body: the raw bytes.
        lists: whether a field that comes twice is a list of its values, and no error.

    Raises:
        MalformedRequest: anything else.
    """
    text = _text_of(body)
    if text.lstrip().startswith(("{", "[", '"')) and _is_json(text):
        raise MalformedRequest("the body is JSON, but its content type is that of a form")
    try:
        pairs = read_form(body.removeprefix(_BYTE_ORDER_MARK))
    except ValueError:
        raise MalformedRequest("the form has a bad escape, or an escape that is not UTF-8") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    if not lists and len(fields) < len(pairs):
        raise MalformedRequest("the form has a field twice")
    return {name: values if len(values) > 1 else values[0] for name, values in fields.items()}


def _is_json(text: str) -> bool:
    """Whether a text is JSON, or what another reader takes for it: a content type is signed by nobody."""
    try:
        _DECODER.decode(text)
    except json.JSONDecodeError:
        return False
    except (RecursionError, MalformedRequest):
        pass
    return True


def read_form(body: bytes, most: int = -1) -> list[tuple[str, str]]:
    """Return names and values of a form, in its order.

    Args:
        body: the raw bytes.
        most: how many fields it may have; as many as it likes if negative.

    Raises:
        ValueError: a bad escape, no UTF-8, or too many fields.
    """
    # Also decoded as a whole: escapes must not combine with other bytes to form characters.
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


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise MalformedRequest("the body has a duplicate key")
    return table


def _refuse(_constant: str) -> NoReturn:
    raise MalformedRequest("the body has NaN or Infinity, which are not JSON numbers")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise MalformedRequest(f"the body has a number of more than {_MAX_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if abs(number) == _INFINITY:
        raise MalformedRequest("the body has a number that is too large")
    return number


# `json.loads` would build one at every call.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse, parse_int=_integer, parse_float=_float)


def _check_tree(root: Any) -> None:
    level: list[Any] = [root]
    for _ in range(MAX_DEPTH + 1):
        containers = [node for node in level if isinstance(node, (dict, list))]
        texts = [node for node in level if isinstance(node, str)]
        texts += [key for node in containers if isinstance(node, dict) for key in node]
        if any("\ud800" <= character <= "\udfff" for text in texts if not text.isascii() for character in text):
            raise MalformedRequest("the body has a lone surrogate, which is not a character")
        if not containers:
            return
        level = [child for node in containers for child in (node.values() if isinstance(node, dict) else node)]
    raise _too_deep()


def _too_deep() -> MalformedRequest:
    return MalformedRequest(f"the body is nested more than {MAX_DEPTH} levels deep")
