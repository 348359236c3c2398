"""The commands that `make run` prints: one for each caller, to paste into another shell."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local.cli.callers_file import read_callers
from local.cli.command_line import UsageError
from local.cli.shell_secrets import shell_getter
from local.console.samples import sample_for
from local.console.sending import message_of
from local.deployed import ACTIONS
from local.gateway.trigger import invocation_path
from local.send.message import compose, first_secret
from local.send.wire import Outgoing
from shared.callers.caller import Caller

# What a command holds for good; the others sign, and a signature grows old.
_FOR_GOOD = ("bearer", "basic", "api-key", "none")


def commands(function: str, callers_file: Path, url: str, made_up: Mapping[str, str]) -> list[str]:
    """Return a line for each caller of a file: its command, or a comment that says what is missing; so for handshakes.

    Args:
        function: whose callers they are.
        callers_file: the callers file.
        url: of the function, with its path.
        made_up: the secrets that may be shown, by their variables; another one is left to `local.send`.

    Raises:
        UsageError: the file cannot be used.
    """
    lines = []
    for name, caller in read_callers(callers_file).items():
        try:
            lines.append(_command(function, callers_file, url, made_up, name, caller))
        except UsageError as error:
            lines.append(f"# {name}: {error}")
        lines += [f"# {name}, a handshake: {fault}" for fault in _faults_of_handshakes(caller)]
    return lines


def _faults_of_handshakes(caller: Caller) -> Iterator[str]:
    for scheme in caller.schemes[1:]:
        try:
            first_secret(scheme, shell_getter(os.environ))
        except UsageError as error:
            yield str(error)


def _command(function: str, callers_file: Path, url: str, made_up: Mapping[str, str], name: str, caller: Caller) -> str:
    secret = first_secret(caller.auth, shell_getter(os.environ)) if caller.auth.over_http else ""
    sample = sample_for(name, caller, ACTIONS[function])
    if sample is None:
        raise UsageError("no sample fits its mapping and its instances; send a payload of yours with local.send")
    payload = json.dumps(json.loads(sample), ensure_ascii=False)
    if not caller.auth.over_http:
        address = urlsplit(url)
        invocation = f"{address.scheme}://{address.netloc}{invocation_path(function)}"
        return shlex.join(["curl", "-sS", invocation, "-d", payload])
    variables = [f"{variable}={value}" for variable, value in made_up.items() if value == secret]
    if caller.auth.scheme in _FOR_GOOD and (variables or not secret):
        message = message_of(caller, payload.encode())
        return _curl(compose(message, urlsplit(url), name, caller, secret, time.time()))
    # Short where it can be: `local.send` runs in this folder, too.
    folder = Path.cwd()
    shown = callers_file.relative_to(folder) if callers_file.is_relative_to(folder) else callers_file
    options = ["--caller", name, "--url", url, "--callers", str(shown)]
    return shlex.join([*variables, "python", "-m", "local.send", payload, *options])


def _curl(outgoing: Outgoing) -> str:
    """Return a command that is read by people, too; `local.send --print-curl` writes one for every case."""
    words = ["curl", "-sS", outgoing.origin + outgoing.target]
    for name, value in outgoing.headers.items():
        if name != "host":
            words += ["-H", f"{name.title()}: {value}"]
    return shlex.join([*words, "-d", outgoing.body.decode()] if outgoing.body else words)
