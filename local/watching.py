"""Sets up the index of the logstore, the dashboard and the alarms, as in docs/watching.md.

You can run it again: it updates what exists, and the index keeps all its other keys. Project and logstore are those of
s.yaml. The credentials are ALIBABA_CLOUD_ACCESS_KEY_ID, _ACCESS_KEY_SECRET and, for temporary ones, _SECURITY_TOKEN.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local.cli.command_line import FUNCTIONS, Parser, callers_file, run, write
from local.doctor.case import Case
from local.doctor.live import NEW_KEY, Live, credentials_in, garbled_in
from local.doctor.log_service import (
    NOT_FOUND,
    LogServiceError,
    Logstore,
    call,
    completed,
    logstore_of,
    missing,
    read_index,
)

_ROOT = Path(__file__).resolve().parents[1]
_FILES = _ROOT / "docs/watching"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{1,48}[a-z0-9]")
_EPILOG = """\
example:
  python -m local.watching --action-policy on-call

exit code: 0 if everything is set up, 1 if the log service refused or did not answer, 2 for a wrong command
"""


def main(arguments: Sequence[str] | None = None, *, root: Path = _ROOT) -> int:
    """Set everything up; return the exit code.

    Args:
        arguments: of the command line.
        root: of the repository whose s.yaml counts.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    case = Case(root, FUNCTIONS[0], callers_file(FUNCTIONS[0]), os.environ)
    credentials = credentials_in(os.environ)
    if credentials is None:
        parser.error("export ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    if garbled_in(os.environ):
        parser.error(NEW_KEY)
    if case.settings is None:
        parser.error("the variables have errors: python -m local.doctor")
    try:
        for line in _set_up(Live(case, case.settings, credentials), options):
            write(f"{line}\n")
    except LogServiceError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    return 0


def _set_up(live: Live, options: argparse.Namespace) -> Iterator[str]:
    logstore = logstore_of(live)
    yield f"logstore   {logstore.project}/{logstore.name}"
    yield f"index      {_set_index(logstore, live)}"
    places = {
        "SLS_REGION": logstore.region,
        "SLS_PROJECT": logstore.project,
        "SLS_LOGSTORE": logstore.name,
        "SLS_ACTION_POLICY": options.action_policy,
    }
    dashboard = _read(_FILES / "dashboard.json", places)
    yield f"dashboard  {_put(logstore, live, '/dashboards', dashboard['dashboardName'], dashboard, dashboard)}"
    alarms = [_read(path, places) for path in sorted(_FILES.glob("alarms/*.json"))]
    silent = _FILES / "optional/no-traffic.json"
    alarms += [_read(silent, {**places, "SLS_FUNCTION": function}) for function in options.no_traffic]
    for alarm in alarms:
        changeable = {name: value for name, value in alarm.items() if name != "name"}
        yield f"alarm      {_put(logstore, live, '/alerts', alarm['name'], alarm, changeable)}"


def _set_index(logstore: Logstore, live: Live) -> str:
    index = read_index(logstore, live.credentials)
    lacking = missing(index)
    if not lacking:
        return "has what the queries need"
    call(logstore, live.credentials, "POST" if index is None else "PUT", logstore.index_path, completed(index))
    return f"{', '.join(lacking)} set, for the lines written from now on"


def _put(logstore: Logstore, live: Live, kind: str, name: str, whole: object, changeable: object) -> str:
    """Update a resource that is there, else create it."""
    try:
        call(logstore, live.credentials, "GET", f"{kind}/{name}")
    except LogServiceError as error:
        if error.status != NOT_FOUND:
            raise
        call(logstore, live.credentials, "POST", kind, whole)
        return f"{name} created"
    call(logstore, live.credentials, "PUT", f"{kind}/{name}", changeable)
    return f"{name} updated"


def _read(path: Path, places: dict[str, str]) -> dict[str, Any]:
    """Return a file with its places filled."""
    text = path.read_text(encoding="utf-8")
    for place, value in places.items():
        text = text.replace(place, value)
    filled: dict[str, Any] = json.loads(text)
    return filled


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("no name in lower case")
    return text


def _parser() -> Parser:
    parser = Parser(
        prog="python -m local.watching",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--action-policy",
        metavar="ID",
        type=_name,
        default="sls.builtin",
        help="the log service's action policy, which says who is notified and how (default: %(default)s)",
    )
    parser.add_argument(
        "--no-traffic",
        metavar="FUNCTION",
        type=_name,
        action="append",
        default=[],
        help="also raise an alarm if this function has no request for an hour; may be repeated",
    )
    return parser


if __name__ == "__main__":
    run(main)
