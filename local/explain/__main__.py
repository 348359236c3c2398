"""Shows what the function does with an event, step by step, without calling anything.

It passes the event to the function itself, with the callers file and with the settings and secrets of the environment.
Only the call to CCC is replaced. Secrets are shown as ***. With --caller, it first signs the payload or event as that
caller, as `local.send` does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from local.cli.callers_file import caller_named, read_callers
from local.cli.command_line import Parser, UsageError, read_argument, run, write
from local.cli.shell_secrets import shell_getter
from local.explain.masking import mask_for
from local.explain.report import report, text
from local.explain.walk import walk
from local.gateway.settings import BUILT_IN
from local.send.event import event_of
from local.send.message import compose, first_secret, read_message

_DIGITS = re.compile(r"[0-9]{1,15}")
# The end of the year 9999, behind which there are no dates.
_LAST_MS = 253_402_300_799_999
# Of a gateway that is not asked.
_URL = urlsplit("http://127.0.0.1:9000")
_EPILOG = """\
example:
  MUTE_CALL_TOKEN=demo-token python -m local.explain events/http.json

exit code: 0 if the event would lead to a call of CCC, 1 if it is refused or answered
without one, 2 if the command cannot run
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Show one event's way; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        event = _event(options)
        now = _received(event) if options.as_received else time.time()
    except UsageError as error:
        parser.error(str(error))
    done = walk(event, options.callers, os.environ, function=options.function, runtime=options.context_runtime, now=now)
    facts = report(done, mask_for(done.request, done.callers, shell_getter(os.environ)))
    write(f"{json.dumps(facts, indent=2)}\n" if options.json else text(facts))
    return 0 if done.asked else 1


def _event(options: argparse.Namespace) -> bytes:
    """Return the event that the command line names, sent as a caller if it names one."""
    content = read_argument(options.event)
    if options.caller is None:
        return content
    caller = caller_named(options.caller, read_callers(options.callers), options.callers)
    if not caller.auth.over_http:
        return content
    secret = first_secret(caller.auth, shell_getter(os.environ))
    return event_of(compose(read_message(content), _URL, options.caller, caller, secret, time.time()))


def _received(event: bytes) -> float:
    """Return when the platform received the request of an event, in seconds since the epoch."""
    try:
        epoch = json.loads(event)["requestContext"]["timeEpoch"]
    except (ValueError, TypeError, LookupError, RecursionError):
        epoch = None
    if isinstance(epoch, str) and _DIGITS.fullmatch(epoch):
        epoch = int(epoch)
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 <= epoch <= _LAST_MS:
        raise UsageError(
            "the event does not say when it was received: requestContext.timeEpoch, in milliseconds since 1970"
        )
    return epoch / 1000


def _parser() -> Parser:
    parser = Parser(
        prog="python -m local.explain",
        description=__doc__,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add(
        "event",
        metavar="EVENT",
        help="an event of the HTTP trigger or a payload of a direct invocation: a file, `-`, JSON",
    )
    add("--caller", metavar="NAME", help="sign it as this caller first; a direct invocation stays unchanged")
    parser.add_callers()
    add(
        "--context-runtime",
        choices=BUILT_IN,
        default=BUILT_IN[-1],
        help="the runtime whose context it gets (default: %(default)s)",
    )
    add("--as-received", action="store_true", help="judge timestamps by the time in the event instead of now")
    add("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    run(main)
