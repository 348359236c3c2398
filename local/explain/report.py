"""The result of an event, as one JSON object without secrets, and as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.explain.masking import Mask
from local.explain.walk import Walk
from shared.outcome import Success
from shared.payload.parameters import CallParameters
from shared.problems import Problem

NOTES = (
    "Nothing was called. This output assumes that CCC accepts; its answer and request id are unknown.",
    "The credentials of the role are made up.",
)
KEY_NOTE = (
    "What idempotency_key finds has to name one event: a second event with the same key is answered from the store,"
    ' with "replayed": true, and is not carried out.'
)
# Steps that tell nothing of the request: how long its body is, which scheme's check it has passed, how old an event may
# be, and where its key comes from.
_OWN_WORDS = ("body", "verify", "age", "key")
_UNREADABLE = "unreadable"


def report(walk: Walk, mask: Mask) -> dict[str, Any]:
    """Return what became of an event as a JSON object.

    Args:
        walk: what became of it.
        mask: what to hide.
    """
    return {
        "event": _event(walk, mask),
        "steps": list(_steps(walk, mask)),
        "call": _call(walk, mask),
        "answer": _answer(walk, mask),
        "log": [_line(line, mask) for line in walk.lines],
        "faults": walk.faults,
        "notes": [*(NOTES if walk.asked else ()), *_key_note(walk)],
    }


def _event(walk: Walk, mask: Mask) -> dict[str, Any]:
    request = walk.request
    if request.direct:
        return {"kind": _kind(walk)}
    return {
        "kind": _kind(walk),
        "method": mask(request.method),
        "path": mask(request.raw_path),
        "query": mask(request.query),
        "source_ip": mask(request.source_ip),
        "headers": mask(request.headers),
    }


def _kind(walk: Walk) -> str:
    if not walk.request.direct:
        return "HTTP trigger"
    return _UNREADABLE if walk.request.fault else "direct invocation"


def _steps(walk: Walk, mask: Mask) -> Iterator[dict[str, Any]]:
    for step, found in walk.found.items():
        if isinstance(found, Problem):
            # Nothing of it quotes the request or a secret.
            name = "event" if _kind(walk) == _UNREADABLE else step
            failure = {"reason": found.reason, "code": found.code, "status": found.status}
            yield {"step": name, "passed": False, **failure}
        elif not isinstance(found, Success):
            yield {"step": step, "passed": True, "found": _found(step, found, mask)}


def _found(step: str, found: object, mask: Mask) -> object:
    if step in _OWN_WORDS:
        return found
    if isinstance(found, CallParameters):
        # Names of the function's own: what stands under them is judged by its value.
        return mask.by_value(found.model_dump())
    if step == "decode" and isinstance(found, Mapping):
        # The parts of a request; what they are called is no text of the sender.
        return {part: mask(content) for part, content in found.items()}
    return mask(found)


def _key_note(walk: Walk) -> Iterator[str]:
    name = walk.found.get("caller")
    caller = walk.callers.callers.get(str(name)) if walk.callers else None
    if caller and caller.idempotency_key:
        yield KEY_NOTE


def _call(walk: Walk, mask: Mask) -> dict[str, Any] | None:
    if walk.asked is None:
        return None
    action, parameters, settings = walk.asked
    return {
        "action": action.name,
        "version": action.version,
        "method": "POST",
        "endpoint": f"{mask(settings.ccc_endpoint)}/",
        "query": mask.by_value(parameters),
    }


def _answer(walk: Walk, mask: Mask) -> dict[str, Any]:
    if walk.request.direct:
        return _answered(walk, walk.reply, mask)
    return {
        "status": walk.reply["statusCode"],
        "headers": walk.reply["headers"],
        "body": _answered(walk, json.loads(walk.reply["body"]), mask),
    }


def _answered(walk: Walk, fields: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    """Return the fields of an answer: only a success repeats something of the request, and never as its status."""
    if not isinstance(walk.outcome, Success):
        return dict(fields)
    return {name: value if name == "status" else mask.by_value(value) for name, value in fields.items()}


def _line(line: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    """Return a line of the log: all that it tells of request and configuration is who the caller is."""
    return {name: mask(value) if name == "caller" else value for name, value in line.items()}


def text(facts: Mapping[str, Any]) -> str:
    """Return a report for reading, in the order of the pipeline."""
    return "".join(f"{line}\n" for line in _lines(facts))


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    event = dict(facts["event"])
    kind = event.pop("kind")
    yield from _item("event", kind, event)
    for step in facts["steps"]:
        if step["passed"]:
            yield from _item("passed", step["step"], step["found"])
        else:
            yield _row("FAILED", f"{step['step']}: {step['reason']} ({step['code']}, {step['status']})")
    if call := facts["call"]:
        sent = f"{call['action']} {call['version']}, {call['method']} {call['endpoint']}"
        yield from _item("would send", sent, call["query"])
    else:
        yield _row("would send", "nothing")
    yield from _item("answer", "to the caller", facts["answer"])
    yield from (_row("log", line) for line in [*map(_json, facts["log"])] or ["nothing"])
    yield from (_row("fault", fault) for fault in facts["faults"])
    yield from (_row("note", note) for note in facts["notes"])


def _item(label: str, name: str, found: object) -> Iterator[str]:
    """Yield a row, what was found beside its name if it is short, else below, a value a line."""
    if isinstance(found, Mapping):
        yield _row(label, name)
        yield from (_row("", f"  {_key(key)}: {_json(value)}") for key, value in found.items())
    else:
        yield _row(label, f"{name}: {found}")


def _json(value: object) -> str:
    """Return JSON in which no character acts on a terminal or cannot be seen."""
    shown = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in shown)


def _key(name: str) -> str:
    """Return a name bare, or, where the sender has chosen one that could break the line, as JSON."""
    return name if re.fullmatch(r"[\w -]+", name) else _json(name)


def _row(label: str, content: str) -> str:
    return f"{label:<11} {content}"
