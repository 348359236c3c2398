"""From a sender's payload to parameters: the JMESPath expressions of the callers file (jmespath.org)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from shared.problems import FieldError, InvalidParameters

# What an expression sees.
ROOTS = ("body", "query", "headers", "path")
# Of these nodes only the first part looks at the document; the others look at what it found.
_NARROWING = {"subexpression", "pipe", "index_expression", "projection", "value_projection", "filter_projection"}

# Longer than any parameter or key may be, and still short enough to be printed: Python refuses 4300 digits.
_MOST_BITS = 1023

Node = Mapping[str, Any]


class Compiled(Protocol):
    """A compiled expression; `parsed` is its tree."""

    parsed: Node

    def search(self, value: object) -> Any:
        """Return what the expression finds, `None` for nothing."""


def _compile(text: object) -> object:
    # Imported where a file has expressions, and nowhere else: a cold start without them does not pay for it.
    import jmespath  # noqa: PLC0415
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415
    from jmespath.functions import Functions  # noqa: PLC0415

    if not isinstance(text, str):
        raise PydanticCustomError("expression", "Expression should be a string")
    try:
        compiled = jmespath.compile(text)
        unknown = any(not _is_callable(node, Functions.FUNCTION_TABLE) for node in _functions(compiled.parsed))
        strange = set(_roots(compiled.parsed)) - set(ROOTS)
    except (JMESPathError, RecursionError):
        raise PydanticCustomError("expression", "Expression is no valid JMESPath") from None
    if unknown:
        raise PydanticCustomError(
            "expression", "Expression calls a function that JMESPath has not, or with too many or too few arguments"
        )
    if any(name != name.lower() for name in _names_in(compiled.parsed, "headers")):
        raise PydanticCustomError("expression", "Expression should name headers in lower case")
    if strange:
        raise PydanticCustomError("expression", "Expression should begin with body, query, headers or path")
    return compiled


Expression = Annotated[Any, BeforeValidator(_compile)]


def evaluate(expressions: Mapping[str, Compiled], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each expression finds in a request, `None` for nothing.

    Args:
        expressions: by the name of what they are for.
        document: `body`, `query`, `headers` and `path`.

    Raises:
        InvalidParameters: an expression fails on this request: a function got a value of another type, or the result is
            a number that is too long.
    """
    found: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, expression in expressions.items():
        try:
            found[name] = _checked(expression.search(document))
        except Exception:  # noqa: BLE001 - JMESPath's own errors, and whatever its functions let through
            errors.append(FieldError(name, "has an expression that fails on this request"))
    if errors:
        raise InvalidParameters(tuple(errors))
    return found


def _checked(value: object) -> object:
    """Return a result, unless it is an integer that is too long: a sum, or text that `to_number` has read."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ValueError("integer is too long")
    return value


def names_read(expression: Compiled, root: str) -> frozenset[str]:
    """Return the names that an expression may look up in `headers` or `query`, whichever is the root.

    Where it does not name them right behind the root (`query | a`, `query.{x: a}`), any that it mentions may be one.
    """
    named = list(_names_in(expression.parsed, root))
    times = sum(name == root for name in _roots(expression.parsed))
    return frozenset(named if len(named) >= times else _fields(expression.parsed))


def _fields(node: Node) -> Iterator[str]:
    """Yield every name that an expression mentions."""
    if node["type"] == "field":
        yield node["value"]
    for child in _children(node):
        yield from _fields(child)


def _functions(node: Node) -> Iterator[Node]:
    if node["type"] == "function_expression":
        yield node
    for child in _children(node):
        yield from _functions(child)


def _is_callable(node: Node, table: Mapping[str, Any]) -> bool:
    if node["value"] not in table:
        return False
    signature, given = table[node["value"]]["signature"], len(node["children"])
    is_variadic = bool(signature) and "variadic" in signature[-1]
    return given >= len(signature) if is_variadic else given == len(signature)


def _roots(node: Node) -> Iterator[str]:
    """Yield the names that an expression looks up in the document itself."""
    if node["type"] == "field":
        yield node["value"]
    elif node["type"] in _NARROWING:
        first, *others = _children(node)
        # `@` is the document itself: what stands behind it is looked up there.
        behind = others[:1] if first["type"] == "current" else []
        for part in behind or [first]:
            yield from _roots(part)
    elif node["type"] != "expref":
        for child in _children(node):
            yield from _roots(child)


def _names_in(node: Node, root: str) -> Iterator[str]:
    """Yield the names that stand right behind a root."""
    children = _children(node)
    if node["type"] == "subexpression" and [child["type"] for child in children] == ["field", "field"]:
        holder, name = (child["value"] for child in children)
        if holder == root:
            yield name
    for child in children:
        yield from _names_in(child, root)


def _children(node: Node) -> list[Node]:
    # The children of a slice are numbers.
    return [child for child in node["children"] if isinstance(child, dict)]
