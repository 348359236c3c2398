"""The summary: a table on a terminal, plain columns elsewhere, or JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.replay.row import End, Row

_HEADINGS = ("time", "caller", "was", "now", "status", "end", "letter", "note")
_STYLES = {End.OK: "green", End.FAILED: "red", End.SKIPPED: "dim"}


def _cells(row: Row) -> tuple[str, ...]:
    status = "" if row.status is None else str(row.status)
    cells = (row.time, row.caller, row.was, row.now, status, row.end.value, row.file, row.note)
    # The name of a file may contain control characters.
    return tuple("".join(letter if letter.isprintable() else "?" for letter in cell) for cell in cells)


def counts(rows: Sequence[Row]) -> str:
    """Return the number of rows for each result."""
    found = Counter(row.end for row in rows)
    return ", ".join(f"{found[end]} {end.value}" for end in End if found[end])


def is_success(rows: Sequence[Row]) -> bool:
    """Whether every dead letter that had to be sent succeeded."""
    return all(row.end is not End.FAILED for row in rows)


def as_table(rows: Sequence[Row], console: Console) -> None:
    """Print a table, as wide as the terminal."""
    table = Table(*_HEADINGS, caption=counts(rows))
    for row in rows:
        table.add_row(*(Text(cell) for cell in _cells(row)), style=_STYLES[row.end])
    console.print(table)


def as_text(rows: Sequence[Row]) -> str:
    """Return plain columns: a line per dead letter, and a line with the totals."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"{line.rstrip()}\n" for line in (*padded, "", counts(rows)))


def as_json(rows: Sequence[Row]) -> str:
    """Return a JSON object."""
    letters = [{**row._asdict(), "end": row.end.value} for row in rows]
    return json.dumps({"ok": is_success(rows), "letters": letters}, indent=2) + "\n"
