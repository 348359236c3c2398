"""Predicts the result of a dead letter with the function's own pipeline, without calling anything."""

from __future__ import annotations

import os

from local.explain.masking import mask_for
from local.explain.report import report
from local.explain.walk import walk
from local.gateway.settings import BUILT_IN
from local.replay.again import Post
from local.replay.row import End, Row


def foresee(row: Row, event: bytes, post: Post, note: str, now: float) -> Row:
    """Return the row with the result of the function's pipeline, up to the call to CCC.

    Args:
        row: the row of the dead letter.
        event: the event that the function would get.
        post: the options.
        note: an additional note.
        now: seconds since the epoch.
    """
    done = walk(event, post.callers_file, os.environ, function=post.function, runtime=BUILT_IN[-1], now=now)
    if done.asked:
        return row.ended(End.OK, note, now=f"would call {done.asked.action.name}")
    last = report(done, mask_for(done.request, done.callers, post.get_secret))["steps"][-1]
    # Neither step nor reason quotes the request.
    why = f"{last['step']}: {last['reason']}" if not last["passed"] else "answered without a call"
    return row.ended(End.FAILED, "; ".join(filter(None, (why, note))), now=last.get("code", ""))
