"""Tells whether the function can work as it stands here, and what to do where it cannot.

Looks at what is installed, the callers file, the variables, the secrets, s.yaml and the package. A variable that only
this shell has, and s.yaml not, is not deployed and does not count; endpoints on this machine do, for a trial. With
--live it asks, with the credentials in ALIBABA_CLOUD_ACCESS_KEY_ID, _ACCESS_KEY_SECRET and, for temporary ones,
_SECURITY_TOKEN: STS, whose they are; CCC, for a call that does not exist, so that nobody is muted; RAM, who may write
the log; where they are used, KMS, the store of keys and the bucket of dead letters; and the log service, for the index
that the alarms need.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from local.cli.command_line import Parser, run, write
from local.doctor.check import Check, failed
from local.doctor.installation import INSTALL, check_python, check_requirements
from local.doctor.report import as_json, is_healthy, line, summary

_ROOT = Path(__file__).resolve().parents[2]
_EPILOG = """\
example:
  MUTE_CALL_TOKEN=demo-token UNMUTE_CALL_TOKEN=demo-unmute-token python -m local.doctor

exit code: 0 if nothing has failed, 1 if something has, 2 for a command that cannot be carried out
"""


def main(arguments: Sequence[str] | None = None, *, root: Path = _ROOT, now: Callable[[], float] = time.time) -> int:
    """Print the checklist; return the exit code.

    Args:
        arguments: of the command line.
        root: of the repository.
        now: seconds since the epoch.
    """
    options = _parser().parse_args(arguments)
    checks = []
    for check in _examine(options, root, now):
        checks.append(check)
        if not options.json:
            write(line(check))
    write(as_json(checks) if options.json else f"\n{summary(checks)}")
    return 0 if is_healthy(checks) else 1


def _examine(options: argparse.Namespace, root: Path, now: Callable[[], float]) -> Iterator[Check]:
    yield from check_python()
    yield from check_requirements(root)
    try:
        # Not before: where nothing is installed, that has to be told.
        from local.doctor.case import Case  # noqa: PLC0415
        from local.doctor.examination import examine  # noqa: PLC0415
    except ImportError as error:
        yield failed("requirements", f"{error.name} cannot be imported: nothing else is checked", INSTALL)
        return
    case = Case(root, options.function, options.callers, os.environ, now)
    yield from examine(case, live=options.live)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m local.doctor",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_callers()
    parser.add_argument("--live", action="store_true", help="ask the platform, too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    run(main)
