"""The result of one dead letter: a row of the summary."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from local.send.wire import Answer, object_in

_SUCCESS = range(200, 300)
_CODE = re.compile(r"[a-z_]{1,40}")


class End(Enum):
    """The result of a dead letter; `SKIPPED` means that it need not be sent."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Row(NamedTuple):
    """One dead letter and its result. For any other file, `time`, `caller` and `was` are empty.

    Attributes:
        file: the path of its file.
        time: when it was stored.
        caller: the caller that it was sent as.
        was: the code that it was stored with.
        now: the code or status word of the new answer, or the predicted result; empty if it was not sent.
        status: the HTTP status of the new answer.
        end: the result.
        note: an additional note.
    """

    file: str
    time: str = ""
    caller: str = ""
    was: str = ""
    now: str = ""
    status: int | None = None
    end: End = End.FAILED
    note: str = ""

    def ended(self, end: End, note: str = "", *, now: str = "", status: int | None = None) -> Row:
        """Return the row with a result."""
        return self._replace(end=end, note=note, now=now, status=status)

    def answered(self, answer: Answer, wanted: str, note: str = "") -> Row:
        """Return the row with the result of an answer.

        Args:
            answer: from the function, or from a server in front of it.
            wanted: the `status` of a success.
            note: an additional note.
        """
        fields = object_in(answer.body)
        told = [fields.get(name) for name in ("code", "status")]
        now = next((text for text in told if isinstance(text, str) and _CODE.fullmatch(text)), "unreadable")
        done = answer.status in _SUCCESS and fields.get("status") == wanted
        return self.ended(End.OK if done else End.FAILED, note, now=now, status=answer.status)
