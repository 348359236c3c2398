"""Sends dead letters again, in the order of their time, each signed again as its caller.

Secrets come from the environment or from KMS, as in the callers file. Replays keep their idempotency key, so requests
that have since succeeded are not run again. If the key is made from signed content with a timestamp, it changes, and a
note says so. With --dry-run nothing is sent: each request runs through the function's pipeline up to its call to CCC.
Secrets are never printed. Of a request only its caller is printed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from local.cli.callers_file import caller_named, read_callers
from local.cli.command_line import Parser, UsageError, run, write
from local.cli.shell_secrets import shell_getter
from local.deployed import ACTIONS
from local.replay.again import Post, SkippedError, check, prepare
from local.replay.dead_letter import DeadLetter, NotADeadLetterError, read_dead_letter
from local.replay.foreseen import foresee
from local.replay.report import as_json, as_table, as_text, is_success
from local.replay.row import End, Row
from local.send.event import event_of
from local.send.message import read_url
from local.send.wire import NO_ANSWER, exchange

GATEWAY = "http://127.0.0.1:9000"
# A body has at most 256 KiB, JSON needs up to six bytes for each byte, and the headers are added.
_MOST_BYTES = 2_000_000
# `local.doctor --live` writes this object to the bucket.
_DOCTORS = "doctor.json"
_EPILOG = """\
example, with `make run` in another shell:
  MUTE_CALL_TOKEN=demo-token python -m local.replay letters/

exit code: 0 if every dead letter that had to be sent succeeded, 1 if not, 2 if the command cannot run
"""

# Sends or explains one dead letter, and returns its row with the result.
Send = Callable[[DeadLetter, Row], Row]


def main(arguments: Sequence[str] | None = None) -> int:
    """Send or explain dead letters and print the results; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        post = _post(options)
        found = _found(options.letters)
    except UsageError as error:
        parser.error(str(error))
    send = partial(_foreseen if options.dry_run else _sent, post)
    rows = _all_of(found, send)
    if options.json:
        write(as_json(rows))
    elif sys.stdout.isatty():
        as_table(rows, Console())
    else:
        write(as_text(rows))
    return 0 if is_success(rows) else 1


def _post(options: argparse.Namespace) -> Post:
    callers = read_callers(options.callers)
    if options.caller is not None:
        caller_named(options.caller, callers, options.callers)
    return Post(
        read_url(options.url),
        options.function,
        ACTIONS[options.function],
        options.callers,
        callers,
        options.caller,
        options.new_key,
        shell_getter(os.environ),
    )


def _found(place: Path) -> list[tuple[str, DeadLetter | Row]]:
    """Return the dead letters of a file or below a folder, ordered by time; files that are none come first."""
    if not os.path.isdir(place):  # noqa: PTH112 - `Path.is_dir` raises where it may not look
        return [(str(place), _read(place))]
    closed: list[OSError] = []
    below = [Path(folder, name) for folder, _, names in os.walk(place, onerror=closed.append) for name in names]
    found = [(str(path), _read(path)) for path in sorted(below) if _may_be_letter(path)]
    found += [(error.filename, _unread(error.filename, error)) for error in closed]
    if not found:
        raise UsageError(f"no dead letters below {place}")
    return sorted(found, key=lambda item: item[1].seconds if isinstance(item[1], DeadLetter) else 0.0)


def _may_be_letter(path: Path) -> bool:
    try:
        return path.name.endswith(".json") and path.name != _DOCTORS and path.is_file()
    except OSError:
        # Reading the file shows the error.
        return True


def _read(path: Path) -> DeadLetter | Row:
    """Return the dead letter in a file, or a row that says why there is none."""
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            return Row(name, note="too large for a dead letter")
        return read_dead_letter(content)
    except OSError as error:
        return _unread(name, error)
    except NotADeadLetterError as error:
        return Row(name, note=str(error))


def _unread(name: str, error: OSError) -> Row:
    return Row(name, note=f"cannot be read: {error.strerror}")


def _all_of(found: Sequence[tuple[str, DeadLetter | Row]], send: Send) -> list[Row]:
    """Send the dead letters one after the other. After an interrupt, the rest gets a note."""
    rows: list[Row] = []
    try:
        for file, letter in _watched(found):
            rows.append(letter if isinstance(letter, Row) else send(letter, _row(file, letter)))
    except KeyboardInterrupt:
        notes = chain(["interrupted, outcome unknown"], repeat("not sent"))
        rows += [_left(*one, note) for one, note in zip(found[len(rows) :], notes, strict=False)]
    return rows


def _left(file: str, one: DeadLetter | Row, note: str) -> Row:
    return one if isinstance(one, Row) else _row(file, one).ended(End.FAILED, note)


def _watched(found: Sequence[tuple[str, DeadLetter | Row]]) -> Iterator[tuple[str, DeadLetter | Row]]:
    """Yield the items, with a progress bar on stderr if that is a terminal."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        yield from progress.track(found, description="letters")


def _row(file: str, letter: DeadLetter) -> Row:
    return Row(file, letter.time, letter.caller, letter.code)


def _sent(post: Post, letter: DeadLetter, row: Row) -> Row:
    """Send a dead letter and return its row."""
    try:
        check(letter, post.action)
        again = prepare(letter, row.file, post, time.time())
    except SkippedError as error:
        return row.ended(End.SKIPPED, str(error))
    except UsageError as error:
        return row.ended(End.FAILED, str(error))
    row = row._replace(caller=post.caller or letter.caller)
    try:
        answer = exchange(again.outgoing)
    except NO_ANSWER as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return row.ended(End.FAILED, f"no answer: {cause}")
    return row.answered(answer, post.action.status, again.note)


def _foreseen(post: Post, letter: DeadLetter, row: Row) -> Row:
    """Predict the result of a dead letter and return its row."""
    now = time.time()
    try:
        check(letter, post.action)
        if letter.direct:
            event, note = letter.content, ""
        else:
            again = prepare(letter, row.file, post, now)
            event, note = event_of(again.outgoing), again.note
    except SkippedError as error:
        return row.ended(End.SKIPPED, str(error))
    except UsageError as error:
        return row.ended(End.FAILED, str(error))
    row = row._replace(caller=letter.caller if letter.direct else post.caller or letter.caller)
    return foresee(row, event, post, note, now)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m local.replay",
        description=__doc__,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("letters", metavar="FILE_OR_FOLDER", type=Path, help="a dead letter, or a folder of them, at any depth")
    add("--url", default=GATEWAY, help="the URL; its path replaces that of the dead letter (default: %(default)s)")
    add("--caller", metavar="NAME", help="send all of them as this caller")
    parser.add_callers()
    add("--dry-run", action="store_true", help="send nothing; show how far each request would get")
    add(
        "--new-key",
        action="store_true",
        help="give each a new idempotency key; stored answers of the old key are not used",
    )
    add("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    run(main)
