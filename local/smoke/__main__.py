"""Checks a deployed function: two pages, a request without a credential, and a request with one.

The last request names a call with a random id, so it mutes nobody. The answer `job_not_found` shows that role,
signature and network are right. The secret is the first one of the caller that is set, as in `local.send`. It is sent
only over HTTPS, or to this machine. Proxies of the environment are not used.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult

from local.cli.callers_file import caller_named, read_callers
from local.cli.command_line import Parser, UsageError, run, write
from local.cli.shell_secrets import shell_getter
from local.deployed import built
from local.send.message import first_secret, read_url
from local.send.wire import NO_ANSWER, exchange
from local.smoke.checks import Check, Verdict, checks_of, healthz
from shared.callers.file import DEFAULT_CALLER

_ROOT = Path(__file__).resolve().parents[2]
_ANY = "any"
_EPILOG = """\
example:
  MUTE_CALL_TOKEN=... python -m local.smoke --url https://YOUR-TRIGGER.cn-shanghai.fcapp.run

exit code: 0 if all is well, 1 if a check fails, 2 if the command cannot run
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and tell what each says; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        checks = _checks(options)
    except UsageError as error:
        parser.error(str(error))
    verdicts = [_tell(check, options.function) for check in checks]
    return 1 if any(verdict.reason for verdict in verdicts) else 0


def _checks(options: argparse.Namespace) -> list[Check]:
    url = read_url(options.url)
    caller = caller_named(options.caller, read_callers(options.callers), options.callers)
    secret = first_secret(caller.auth, shell_getter(os.environ))
    others = checks_of(url, options.caller, caller, secret, time.time(), options.instance)
    return [_healthz(url, options), *others]


def _healthz(url: SplitResult, options: argparse.Namespace) -> Check:
    """Return the check of the health page; what is not packaged, as in a trial on this machine, has no build."""
    if options.build is None:
        return healthz(url, built(_ROOT, options.function), is_packaged=False)
    return healthz(url, None if options.build == _ANY else options.build)


def _tell(check: Check, resource: str) -> Verdict:
    try:
        verdict = check.judge(exchange(check.outgoing))
    except NO_ANSWER as error:
        verdict = Verdict(
            f"no answer ({type(error).__name__})",
            "check the URL with `s {resource} info`; a new trigger needs ten seconds",
        )
    write(verdict.told(check.name, resource))
    return verdict


def _parser() -> Parser:
    parser = Parser(
        prog="python -m local.smoke",
        description=__doc__,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add(
        "--url",
        required=True,
        help="URL of the function: its trigger, or its domain with the path",
    )
    add("--caller", metavar="NAME", default=DEFAULT_CALLER, help="the caller to use (default: %(default)s)")
    add("--instance", metavar="ID", help="the call centre's instance (default: the first one on the caller's list)")
    add("--build", metavar="ID", help="the build that must answer, or `any` (default: the one in dist/, if it exists)")
    parser.add_callers()
    return parser


if __name__ == "__main__":
    run(main)
