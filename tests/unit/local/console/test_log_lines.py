from __future__ import annotations

import io
import json

from local.console import log_lines
from local.console.log_lines import LogLines


def test_everything_is_printed_and_the_lines_of_a_request_are_found() -> None:
    printed = io.StringIO()
    lines = LogLines(printed)
    texts = [
        "a greeting\n",
        json.dumps({"request_id": "a", "event": "dead_letter"}) + "\n",
        json.dumps({"request_id": "b", "event": "webhook"}) + "\n",
        json.dumps({"request_id": "a", "event": "webhook"}) + "\n",
        *("[]\n", "7\n", "{}\n", '"request_id"\n'),
    ]
    for text in texts:
        assert lines.write(text) == len(text)
    lines.flush()
    assert printed.getvalue() == "".join(texts)
    assert [line["event"] for line in lines.of("a")] == ["dead_letter", "webhook"]
    assert lines.of("c") == []


def test_the_oldest_requests_are_forgotten() -> None:
    lines = LogLines(io.StringIO())
    for number in range(log_lines.MOST_REQUESTS + 1):
        lines.write(json.dumps({"request_id": str(number)}))
    assert lines.of("0") == []
    assert lines.of("1") != []
