"""A working payload for each caller."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.cli.payload import payload_of
from local.simulator.state import AGENT_CHANNEL_ID
from shared.action import Action
from shared.callers.caller import Caller
from shared.payload.parameters import read_parameters
from shared.problems import Problem

_EVENTS = Path(__file__).parents[2] / "events"
_DIRECT = _EVENTS / "direct.json"
# What a form begins with where nothing else is known to fit.
USUAL = _DIRECT.read_text(encoding="utf-8")


def sample_for(name: str, caller: Caller, action: Action) -> str | None:
    """Return a payload for a caller: the first sample in which its mapping finds every parameter, or a made one.

    Args:
        name: of the caller.
        caller: the caller.
        action: of the function.

    Returns:
        The payload, `None` if none is right.
    """
    for path in _candidates(name, caller):
        text = path.read_text(encoding="utf-8")
        if _fits(json.loads(text), caller, action):
            return text
    usual = read_parameters(action.parameters, json.loads(USUAL)).model_dump(exclude_none=True)
    made = None if comes_by_query(caller) else payload_of(caller, {**usual, "channel_id": AGENT_CHANNEL_ID})
    return json.dumps(made, ensure_ascii=False, indent=2) if made and _fits(made, caller, action) else None


def comes_by_query(caller: Caller) -> bool:
    """Whether a caller sends its payload in the query, since it may send no body."""
    return caller.methods[0] == "GET"


def as_query(payload: object) -> dict[str, str] | None:
    """Return a payload as the parameters of a query, `None` where it is no flat object."""
    if not isinstance(payload, Mapping) or any(isinstance(value, (dict, list)) for value in payload.values()):
        return None
    return {name: _text(value) for name, value in payload.items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _candidates(name: str, caller: Caller) -> Iterator[Path]:
    """Yield the samples, those first that are called as the caller or as its scheme."""
    yield _DIRECT
    stems = (name, caller.auth.scheme)
    yield from sorted(_EVENTS.joinpath("callers").glob("*.json"), key=lambda path: (path.stem not in stems, path.name))


def _fits(payload: dict[str, Any], caller: Caller, action: Action) -> bool:
    by_query = comes_by_query(caller)
    query = as_query(payload) if by_query else {}
    document = {"body": {} if by_query else payload, "query": query or {}, "headers": {}, "path": ""}
    try:
        payload_fields = caller.select(document, has_body=not by_query)
        parameters = read_parameters(action.parameters, payload_fields, caller.constants())
        caller.key_of(document, None)
    except Problem:
        return False
    return caller.may_use_instance(parameters.instance_id)
