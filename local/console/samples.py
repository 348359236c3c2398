"""A payload for each caller that works as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.action import Action
from shared.callers import Caller
from shared.parameters import read_parameters
from shared.problems import Problem

_EVENTS = Path(__file__).parents[2] / "events"
_DIRECT = _EVENTS / "direct.json"


def sample_for(name: str, caller: Caller, action: Action) -> str:
    """Return the payload that a form begins with: the first sample in which the caller's mapping finds all it needs.

    Args:
        name: of the caller.
        caller: one.
        action: of the function.
    """
    for path in _candidates(name, caller):
        text = path.read_text(encoding="utf-8")
        if _fits(json.loads(text), caller, action):
            return text
    return _DIRECT.read_text(encoding="utf-8")


def _candidates(name: str, caller: Caller) -> Iterator[Path]:
    """Yield the samples, those first that are called as the caller or as its scheme."""
    yield _DIRECT
    stems = (name, caller.auth.scheme)
    yield from sorted(_EVENTS.joinpath("callers").glob("*.json"), key=lambda path: (path.stem not in stems, path.name))


def _fits(payload: dict[str, Any], caller: Caller, action: Action) -> bool:
    document = {"body": payload, "query": {}, "headers": {}, "path": ""}
    try:
        parameters = read_parameters(action.parameters, caller.select(document, has_body=True), caller.constants())
        caller.key_of(document, None)
    except Problem:
        return False
    return caller.may_use_instance(parameters.instance_id)
