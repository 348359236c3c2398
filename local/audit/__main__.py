"""`make audit`: known vulnerabilities, licences, and secrets committed by mistake.

Ends with 0, with 1 if something was found, with 2 if a check is broken. Without a network the vulnerabilities are not
checked, which is said and is no finding.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from local.audit.accepted import read_accepted
from local.audit.check import AuditError, Check
from local.audit.licences import check_licences
from local.audit.locks import FUNCTION, read_locks
from local.audit.secrets import check_secrets
from local.audit.vulnerabilities import check_vulnerabilities
from local.command_line import USAGE_ERROR, Parser, run
from local.package.errors import PackageError

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 60.0


def main(arguments: Sequence[str] | None = None, root: Path = _ROOT) -> int:
    """Make all checks, whatever one of them finds; return the exit code.

    Args:
        arguments: of the command line.
        root: of the repository.
    """
    options = _parser().parse_args(arguments)
    codes = [_tell(check) for check in _checks(root, options)]
    return max(codes)


def _checks(root: Path, options: argparse.Namespace) -> list[Callable[[], Check]]:
    def vulnerabilities() -> Check:
        accepted = read_accepted(root)
        today = datetime.now(timezone.utc).date()
        return check_vulnerabilities(
            read_locks(root), accepted, today=today, service=options.service, seconds=options.seconds
        )

    def licences() -> Check:
        return check_licences(read_locks(root)[FUNCTION])

    return [vulnerabilities, licences, partial(check_secrets, root)]


def _tell(check: Callable[[], Check]) -> int:
    try:
        done = check()
    except (AuditError, PackageError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE_ERROR
    sys.stdout.write("\n".join([*done.lines(), ""]))
    sys.stdout.flush()
    return 1 if done.findings else 0


def _parser() -> Parser:
    parser = Parser(prog="python -m local.audit", description=__doc__)
    add = parser.add_argument
    add("--service", metavar="URL", help="a mirror of the OSV API's query, where the internet is not reached")
    add("--seconds", type=float, default=_SECONDS, help="for the vulnerabilities, at most (default: %(default)g)")
    return parser


if __name__ == "__main__":
    run(main)
