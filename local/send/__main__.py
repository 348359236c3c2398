"""Sends a webhook as one of the callers: signs it with the caller's scheme and posts it.

The sample is an event of the HTTP trigger (events/http.json) or a payload: a file, `-` for stdin, or the JSON itself.
The secret is the first one of the caller that is set: in the environment or, for `kms:NAME`, in KMS (with the
credentials in ALIBABA_CLOUD_*). Proxies of the environment are not used.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence
from urllib.parse import SplitResult

from local.cli.callers_file import caller_named, read_callers
from local.cli.command_line import Parser, UsageError, read_argument, run, write
from local.cli.shell_secrets import shell_getter
from local.gateway.trigger import invocation_path
from local.send.message import compose, first_secret, read_message, read_url
from local.send.wire import NO_ANSWER, Outgoing, curl, exchange
from shared.callers.caller import Caller

GATEWAY = "http://127.0.0.1:9000"
_SUCCESS = range(200, 300)
_LONGEST_AGE_S = 1e9
_EPILOG = """\
example, with `make run` in another shell:
  MUTE_CALL_TOKEN=demo-token python -m local.send events/direct.json --caller default

exit code: 0 for an answer of 2xx, 1 for any other and for none, 2 if the command cannot run

What --print-curl prints holds the signature; for bearer, basic and api-key that is the secret itself.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Send or print one webhook; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        outgoing = _outgoing(options)
    except UsageError as error:
        parser.error(str(error))
    if options.print_curl:
        write(f"{curl(outgoing)}\n")
        return 0
    try:
        answer = exchange(outgoing)
    except NO_ANSWER as error:
        is_down = outgoing.origin == GATEWAY and isinstance(error, ConnectionRefusedError)
        hint = "; start it with `make run`" if is_down else ""
        sys.stderr.write(f"{parser.prog}: no answer from {outgoing.origin}: {_cause(error)}{hint}\n")
        return 1
    write(f"HTTP {answer.status} {answer.content_type}\n{answer.body}\n")
    return 0 if answer.status in _SUCCESS else 1


def _outgoing(options: argparse.Namespace) -> Outgoing:
    """Return what the command line asks to send."""
    url = read_url(options.url)
    caller = _caller(options, url)
    message = read_message(read_argument(options.sample), form=options.form)
    secret = first_secret(caller.auth, shell_getter(os.environ))
    return compose(message, url, options.caller, caller, secret, time.time() - options.age)


def _caller(options: argparse.Namespace, url: SplitResult) -> Caller:
    caller = caller_named(options.caller, read_callers(options.callers), options.callers)
    if not caller.auth.over_http:
        invocation = f"{url.scheme}://{url.netloc}{invocation_path(options.function)}"
        command = f"curl -sS {shlex.quote(invocation)} --data-binary @events/direct.json"
        raise UsageError(f"{options.caller} is for direct invocation, not for HTTP; the gateway takes one: {command}")
    return caller


def _cause(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join((text or type(error).__name__).split())


def _age(text: str) -> float:
    value = float(text)
    if not -_LONGEST_AGE_S <= value <= _LONGEST_AGE_S:
        raise ValueError(text)
    return value


# argparse names it in its error.
_age.__name__ = "number of seconds"


def _parser() -> Parser:
    parser = Parser(
        prog="python -m local.send",
        description=__doc__,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("sample", metavar="EVENT_OR_JSON", help="a file, `-` for stdin, or a JSON text")
    add(
        "--caller", metavar="NAME", required=True, help="the caller to send as; added to a path that does not end in it"
    )
    add("--url", default=GATEWAY, help="the URL; its path replaces that of the event (default: %(default)s)")
    parser.add_callers()
    add("--form", action="store_true", help="send the fields of the payload, a flat object, as a form")
    add(
        "--age",
        metavar="SECONDS",
        type=_age,
        default=0,
        help="sign with a time this many seconds ago; in the future: --age=-60",
    )
    add("--print-curl", action="store_true", help="print a command for a POSIX shell, and send nothing")
    return parser


if __name__ == "__main__":
    run(main)
