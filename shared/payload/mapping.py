"""From a sender's payload to parameters: the JMESPath expressions of the callers file (jmespath.org)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Protocol, cast

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from shared.problems import FieldError, InvalidParameters
from shared.validation import nearest

# What an expression sees.
ROOTS = ("body", "query", "headers", "path")
# The function that is keyed with a secret.
KEYED = "hmac_sha256"
# Of these nodes only the first part looks at the document; the others look at what it found.
_NARROWING = {"subexpression", "pipe", "index_expression", "projection", "value_projection", "filter_projection"}

# Longer than any parameter or key may be, and still short enough to be printed: Python refuses 4300 digits.
_MOST_BITS = 1023

Node = Mapping[str, Any]


class Compiled(Protocol):
    """A compiled expression: its text and its tree."""

    expression: str
    parsed: Node


def _compile(text: object) -> object:
    return _compiled(text, ROOTS)


def _compile_of_handshake(text: object) -> object:
    return _compiled(text, ("method", *ROOTS), keyed=True)


def _compiled(text: object, roots: Sequence[str], *, keyed: bool = False) -> object:
    # Imported where a file has expressions, and nowhere else: a cold start without them does not pay for it.
    from shared.payload import expressions  # noqa: PLC0415

    if not isinstance(text, str):
        raise PydanticCustomError("expression", "Expression should be a string")
    try:
        compiled = expressions.parse(text)
        faults = [_fault_of_call(node, keyed=keyed) for node in _functions(compiled.parsed)]
        strange = set(_roots(compiled.parsed)) - {*roots}
    except (ValueError, RecursionError) as error:
        raise _invalid(error, roots) from None
    for fault in filter(None, faults):
        raise PydanticCustomError("expression", "Expression calls {fault}", {"fault": fault})
    if any(name != name.lower() for name in _names_in(compiled.parsed, "headers")):
        raise PydanticCustomError("expression", "Expression should name headers in lower case")
    if strange:
        listed = f"{', '.join(roots[:-1])} or {roots[-1]}"
        raise PydanticCustomError(
            "expression", "Expression should begin with {roots}; a constant stands in single quotes", {"roots": listed}
        )
    return compiled


def _invalid(error: Exception, roots: Sequence[str]) -> PydanticCustomError:
    """Return what is wrong with what is no JMESPath; it is quoted only where it is a path of names."""
    place, spelling = error.args if isinstance(error, ValueError) else (None, "")
    at = f" at character {place + 1}" if place is not None else ""
    hint = "paths look like body.a.b or body.list[0], constants stand in single quotes"
    if spelling.partition(".")[0] in roots:
        hint = f"names with other characters than letters, digits and _ stand in double quotes: '{spelling}'"
    return PydanticCustomError("expression", "Expression is not valid JMESPath{at}; {hint}", {"at": at, "hint": hint})


def _fault_of_call(node: Node, *, keyed: bool) -> str:
    """Return why a function cannot be called so, nothing if it can; what is no function's name stays unnamed."""
    from shared.payload import expressions  # noqa: PLC0415 - as in `_compiled`

    name, given, arity = node["value"], len(node["children"]), expressions.arity(node["value"])
    if arity is None:
        meant = nearest(name, expressions.FUNCTIONS - {KEYED})
        hint = (
            f"did you mean `{meant}`?" if meant else 'docs/contract.md, "Mapping", and jmespath.org list all functions'
        )
        return f"an unknown function; {hint}"
    if name == KEYED and not keyed:
        return f"{KEYED}, which only handshakes have: remove it"
    least, is_variadic = arity
    if given == least or (is_variadic and given > least):
        return ""
    return f"`{name}` with {given} arguments; it takes {least}{' or more' if is_variadic else ''}"


Expression = Annotated[Any, BeforeValidator(_compile)]
# Of a handshake: it sees the method, too, and may have a function that is keyed with the secret.
HandshakeExpression = Annotated[Any, BeforeValidator(_compile_of_handshake)]


def calls(expression: Compiled, function: str) -> bool:
    """Whether an expression calls a function."""
    return any(node["value"] == function for node in _functions(expression.parsed))


def evaluate(
    expressions: Mapping[str, Compiled], document: Mapping[str, Any], secret: str | None = None
) -> dict[str, Any]:
    """Return what each expression finds in a request, `None` for nothing.

    Args:
        expressions: by the name of what they are for.
        document: `body`, `query`, `headers` and `path`.
        secret: the key of `hmac_sha256`.

    Raises:
        InvalidParameters: an expression fails on this request: a function got a value of another type, or the result is
            a number that is too long.
    """
    from shared.payload.expressions import search  # noqa: PLC0415 - as in `_compile`

    found: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, expression in expressions.items():
        try:
            found[name] = _checked(search(expression, document, secret))
        except Exception:  # noqa: BLE001 - JMESPath's own errors, and whatever its functions let through
            errors.append(FieldError(name, f"cannot be read by {_quote(expression)}, which fails on this request"))
    if errors:
        raise InvalidParameters(tuple(errors))
    return found


def _checked(value: object) -> object:
    """Return a result, unless it is an integer that is too long: a sum, or text that `to_number` has read."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ValueError("integer is too long")
    return value


def _quote(expression: Compiled) -> str:
    """Return an expression's text for its sender; not with constants, which may be anybody's data."""
    has_constants = any(node["type"] == "literal" for node in _nodes(expression.parsed))
    return "its expression" if has_constants else f"`{expression.expression}`"


def origin(expression: Compiled, document: Mapping[str, Any]) -> str:
    """Return which expression a value comes from, and where that stops if it finds nothing: never the value.

    Args:
        expression: of the callers file.
        document: what it was evaluated on.
    """
    quoted = _quote(expression)
    holder, value = "", cast("Any", document)
    for step in _path(expression.parsed):
        if not _has(value, step):
            return f"{quoted}: `{holder}` has no `{step}`"
        holder, value = str(step), value[step]
    return f"from {quoted}"


def _path(node: Node) -> list[Any]:
    """Return the keys and indexes of a plain path, none for what is more than one."""
    if node["type"] in ("field", "index"):
        return [node["value"]]
    if node["type"] not in ("subexpression", "index_expression"):
        return []
    parts = [_path(child) for child in node["children"]]
    return [step for part in parts for step in part] if all(parts) else []


def _has(value: object, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(value, list) and step in range(-len(value), len(value))
    return isinstance(value, dict) and step in value


def names_read(expression: Compiled, root: str) -> frozenset[str]:
    """Return the names that an expression may look up in `headers` or `query`, whichever is the root.

    Where it does not name them right behind the root (`query | a`, `query.{x: a}`), any that it mentions may be one.
    """
    named = list(_names_in(expression.parsed, root))
    times = sum(name == root for name in _roots(expression.parsed))
    return frozenset(named if len(named) >= times else _fields(expression.parsed))


def is_constant(expression: Compiled) -> bool:
    """Whether an expression reads nothing of the request, so the result is always the same."""
    return not any(node["type"] in ("field", "current") for node in _nodes(expression.parsed))


def _nodes(node: Node) -> Iterator[Node]:
    """Yield a tree's nodes."""
    yield node
    for child in _children(node):
        yield from _nodes(child)


def _fields(node: Node) -> Iterator[str]:
    """Yield every name that an expression mentions."""
    return (each["value"] for each in _nodes(node) if each["type"] == "field")


def _functions(node: Node) -> Iterator[Node]:
    return (each for each in _nodes(node) if each["type"] == "function_expression")


def _roots(node: Node) -> Iterator[str]:
    """Yield the names that an expression looks up in the document itself."""
    if node["type"] == "field":
        yield node["value"]
    elif node["type"] in _NARROWING:
        first, *others = _children(node)
        # `@` is the document itself: the name after it is looked up there.
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
