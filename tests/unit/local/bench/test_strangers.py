"""What a stranger may send for the benchmark: all of it is refused, and nothing of it is a defect."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

from local.bench import strangers
from shared.runtime.event import Request


def test_every_kind_is_refused_by_a_check(tmp_path: Path) -> None:
    log = io.StringIO()
    served = strangers.function(tmp_path, log)
    kinds = strangers.kinds(time.time())
    pages = {f"GET /{page}" for page in strangers.PAGES}
    for kind in kinds.values():
        strangers.answer(served, kind)
    codes = [json.loads(line)["code"] for line in log.getvalue().splitlines()]
    # A page leaves no line.
    told = {
        name: code
        for name, code in zip((name for name in kinds if name not in pages), codes, strict=True)
        if code != "unauthorized"
    }
    assert told == {"an event that is no JSON": "malformed_request"}


def test_every_kind_is_within_what_it_is_to_show() -> None:
    for name, kind in strangers.kinds(time.time()).items():
        if isinstance(kind, Request):
            assert len(kind.body) <= strangers.SIZE, name
            assert len(kind.raw_path) + len(kind.raw_query or "") <= 8190, name
