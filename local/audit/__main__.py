"""`make audit`: known vulnerabilities, licences, and secrets committed by mistake.

Exits with 0, with 1 if something was found, and with 2 if a check itself failed. Without a network the vulnerabilities
are not checked. The output says so, and it is not a finding.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from local.audit.licences import check_licences
from local.audit.secrets import check_secrets
from local.audit.tools import AuditError, Check
from local.audit.vulnerabilities import check_vulnerabilities
from local.cli.command_line import USAGE_ERROR, Parser, run

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 120.0


def main(arguments: Sequence[str] | None = None, root: Path = _ROOT) -> int:
    """Run all checks, whatever one of them finds; return the exit code.

    Args:
        arguments: of the command line.
        root: of the repository.
    """
    options = _parser().parse_args(arguments)
    vulnerabilities = partial(check_vulnerabilities, service=options.service, seconds=options.seconds)
    return max(_run(check, root) for check in (vulnerabilities, check_licences, check_secrets))


def _run(check: Callable[[Path], Check], root: Path) -> int:
    try:
        done = check(root)
    except (AuditError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE_ERROR
    sys.stdout.write("".join(f"{line}\n" for line in done.lines()))
    sys.stdout.flush()
    return 1 if done.findings else 0


def _parser() -> Parser:
    parser = Parser(prog="python -m local.audit", description=__doc__)
    add = parser.add_argument
    add("--service", metavar="URL", help="a mirror of the OSV API, if there is no internet access")
    add(
        "--seconds",
        type=float,
        default=_SECONDS,
        help="the longest time for the check of vulnerabilities (default: %(default)g)",
    )
    return parser


if __name__ == "__main__":
    run(main)
