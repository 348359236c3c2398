"""A payload in the shape that a caller's expressions read: the reverse of the mapping. No I/O here."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from shared.callers.caller import Caller
from shared.payload.expressions import search
from shared.payload.mapping import Compiled, Node
from shared.problems import Problem

# What undoes a function of one argument.
_REVERSED: Mapping[str, Callable[[Any], Any]] = {
    "from_base64": lambda value: base64.b64encode(str(value).encode()).decode(),
    "from_json": lambda value: json.dumps(value, ensure_ascii=False),
    "not_null": lambda value: value,
    "to_string": lambda value: value,
    "url_decode": lambda value: quote(str(value), safe=""),
}


class _NotReversibleError(Exception):
    """An expression of another kind, or two that contradict each other."""


def payload_of(caller: Caller, values: Mapping[str, str]) -> Any:
    """Return a body in which a caller finds values, `None` if none can be composed.

    Expressions are reversed as far as they are paths, alternatives, filters, this project's functions, and a `join` of
    one path with constants. The key of the event is new, its time is now.

    Args:
        caller: whose mapping is reversed; without one, the body is the values by their names.
        values: by parameter.
    """
    own = {"idempotency_key": caller.idempotency_key, "event_time": caller.event_time}
    event = {"idempotency_key": secrets.token_hex(16), "event_time": datetime.now(timezone.utc).isoformat()}
    known = {**values, **event}
    document: Any = {"body": {} if caller.parameters else dict(values)}
    try:
        for name, expression in ((caller.parameters.given() if caller.parameters else {}) | own).items():
            if expression is not None and name in known:
                document = _Writer(expression).put(expression.parsed, document, known[name])
    except _NotReversibleError:
        return None
    return document["body"] if document.keys() == {"body"} and _is_found(caller, document, values) else None


def _is_found(caller: Caller, document: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    whole = {"query": {}, "headers": {}, "path": "", **document}
    try:
        found = caller.select(whole, has_body=True)
    except Problem:
        return False
    return all(found[name] == values[name] for name in found.keys() & values.keys())


class _Writer:
    """Puts values where an expression looks; what it is given stays as it is."""

    def __init__(self, expression: Compiled) -> None:
        self._kind: Any = type(expression)

    def put(self, node: Node, holder: Any, value: Any) -> Any:
        """Return `holder` with a value where a part of the expression looks for it."""
        write = getattr(self, f"_put_{node['type']}", None)
        if write is None:
            raise _NotReversibleError
        return write(node, holder, value)

    def _found(self, node: Node, holder: Any) -> Any:
        return search(self._kind("", node), holder)

    def _put_field(self, node: Node, holder: Any, value: Any) -> Any:
        if not isinstance(holder, dict | None):
            raise _NotReversibleError
        return {**(holder or {}), node["value"]: value}

    def _put_index(self, node: Node, holder: Any, value: Any) -> Any:
        index: int = node["value"]
        items = list(holder) if isinstance(holder, list) else []
        items += [None] * ((index + 1 if index >= 0 else -index) - len(items))
        items[index] = value
        return items

    def _put_current(self, _node: Node, _holder: Any, value: Any) -> Any:
        return value

    def _put_subexpression(self, node: Node, holder: Any, value: Any) -> Any:
        *first, then = node["children"]
        first = first[0] if len(first) == 1 else {**node, "children": first}
        return self.put(first, holder, self.put(then, self._found(first, holder), value))

    _put_pipe = _put_index_expression = _put_subexpression

    def _put_or_expression(self, node: Node, holder: Any, value: Any) -> Any:
        return self.put(node["children"][0], holder, value)

    def _put_and_expression(self, node: Node, holder: Any, value: Any) -> Any:
        condition, then = node["children"]
        return self.put(then, self._satisfied(condition, holder), value)

    def _put_function_expression(self, node: Node, holder: Any, value: Any) -> Any:
        if node["value"] == "join":
            return self._put_joined(node, holder, value)
        undo = _REVERSED.get(node["value"])
        if undo is None:
            raise _NotReversibleError
        return self.put(node["children"][0], holder, undo(value))

    def _put_joined(self, node: Node, holder: Any, value: Any) -> Any:
        """Return `holder` with the one part of a `join` that is not written in the expression."""
        glue, listed = node["children"]
        if glue["type"] != "literal" or listed["type"] != "multi_select_list":
            raise _NotReversibleError
        parts = listed["children"]
        wanted = [index for index, part in enumerate(parts) if part["type"] != "literal"]
        if len(wanted) != 1:
            raise _NotReversibleError
        before = "".join(f"{part['value']}{glue['value']}" for part in parts[: wanted[0]])
        after = "".join(f"{glue['value']}{part['value']}" for part in parts[wanted[0] + 1 :])
        text = str(value)
        if not (text.startswith(before) and text.endswith(after)) or len(text) <= len(before) + len(after):
            raise _NotReversibleError
        return self.put(parts[wanted[0]], holder, text[len(before) : len(text) - len(after)])

    def _put_filter_projection(self, node: Node, holder: Any, values: Any) -> Any:
        listed, then, *conditions = node["children"]
        items = self._found(listed, holder) or []
        for value in values:
            item = self.put(then, None, value)
            for condition in conditions:
                item = self._satisfied(condition, item)
            items = [*items, item]
        return self.put(listed, holder, items)

    _put_projection = _put_filter_projection

    def _put_identity(self, _node: Node, _holder: Any, value: Any) -> Any:
        return value

    def _put_literal(self, _node: Node, holder: Any, _value: Any) -> Any:
        return holder

    def _satisfied(self, condition: Node, holder: Any) -> Any:
        """Return `holder` with what a condition wants: one value that equals another, or any value."""
        if condition["type"] == "and_expression":
            for each in condition["children"]:
                holder = self._satisfied(each, holder)
            return holder
        if condition["type"] != "comparator":
            return self.put(condition, holder, self._found(condition, holder) or "test")
        one, other = condition["children"]
        if condition["value"] != "eq" or other["type"] != "literal":
            raise _NotReversibleError
        return self.put(one, holder, other["value"])
