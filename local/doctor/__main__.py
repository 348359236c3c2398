"""Checks whether the function can work, and says how to fix each problem.

Checks the installation, the callers file, the variables, the secrets, s.yaml and the package. A variable that is set
only in this shell, and not in s.yaml, is not deployed and does not count. The exception is an endpoint on this machine,
for a trial.

With --live it also checks over the network, with the credentials in ALIBABA_CLOUD_ACCESS_KEY_ID, _ACCESS_KEY_SECRET
and, for temporary ones, _SECURITY_TOKEN. STS: which identity the credentials belong to. CCC: whether the action is
permitted, with a call that does not exist, so nobody is muted. RAM: whether the log can be written. KMS, the key store
and the bucket of dead letters, if they are used. The log service: whether it has the index that the alarms need.
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

exit code: 0 if no check has failed, 1 if one has, 2 if the command cannot run
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
        # Imported late, so that missing packages are reported and do not stop the import.
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
    parser.add_argument("--live", action="store_true", help="also check over the network")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    run(main)
