"""The result of one dead letter: a row of the summary."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from local.send.wire import Answer, object_in

_SUCCESS = range(200, 300)
_CODE = re.compile(r"[a-z_]{1,40}")


class End(Enum):
    """How a letter ended; skipped are those that need not be sent."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Row(NamedTuple):
    """One letter and its end.

    Attributes:
        file: its path.
        time: when it was kept; empty for what is no letter, as what follows.
        caller: as whom it was sent.
        was: its code.
        now: the code or the status of the answer, or the check that would fail; empty if it was not sent.
        status: of HTTP.
        end: how it ended.
        note: what else there is to say.
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
        """Return the row with its end."""
        return self._replace(end=end, note=note, now=now, status=status)

    def answered(self, answer: Answer, wanted: str, note: str = "") -> Row:
        """Return the row with the end that an answer tells.

        Args:
            answer: of the function, or of whatever stands before it.
            wanted: the `status` of a success.
            note: what else there is to say.
        """
        fields = object_in(answer.body)
        told = [fields.get(name) for name in ("code", "status")]
        now = next((text for text in told if isinstance(text, str) and _CODE.fullmatch(text)), "unreadable")
        done = answer.status in _SUCCESS and fields.get("status") == wanted
        return self.ended(End.OK if done else End.FAILED, note, now=now, status=answer.status)
