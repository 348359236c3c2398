"""Runs the simulator until SIGTERM or SIGINT: `python -m local.simulator --port 9001`."""

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from local.cli.command_line import run
from local.simulator.options import CHOICES, AccessKey, Options
from local.simulator.simulator import Simulator

DESCRIPTION = (
    "Simulates the endpoints of Cloud Call Center, KMS, STS and RAM on 127.0.0.1."
    " Each flag can be set in the environment."
)
STOPPED_BY = (signal.SIGTERM, signal.SIGINT)


def parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of the command line; `SIMULATOR_SOME_FLAG` in the environment stands for `--some-flag`."""
    flags = argparse.ArgumentParser(prog="python -m local.simulator", description=DESCRIPTION, allow_abbrev=False)

    def flag(name: str, default: str, text: str) -> None:
        variable = f"SIMULATOR_{name.upper()}"
        value = environ.get(variable, default)
        flags.add_argument(f"--{name.replace('_', '-')}", default=value, help=f"{text} [{variable}]")

    key = AccessKey()
    flag("port", "9001", "0 picks a free one")
    flag("access_key_id", key.access_key_id, "the one key it knows")
    flag("access_key_secret", key.access_key_secret, "its secret")
    flag("security_token", key.security_token, "its token; empty for a long-term key")
    for name, default in Options().as_json().items():
        flag(name, default, f"{' or '.join(CHOICES[name])}; default {default}")
    return flags


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Serve until a signal and return the exit code; prints one line when ready."""
    flags = parser(environ)
    given = flags.parse_args(arguments)
    try:
        simulator = Simulator(
            Options().changed({name: getattr(given, name) for name in CHOICES}),
            access_key=AccessKey(given.access_key_id, given.access_key_secret, given.security_token),
            port=_port(given.port),
        )
    except ValueError as error:
        flags.error(str(error))
    # Blocked before any thread starts, and so by all of them: the signal waits for sigwait, wherever it arrives.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPED_BY)
    try:
        with simulator:
            sys.stdout.write(f"listening on {simulator.url}\n")
            sys.stdout.flush()
            signal.sigwait(STOPPED_BY)
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stderr.write(f"cannot listen on port {given.port}: {error.strerror}\n")
        return 1
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise ValueError(f"port: must be a number from 0 to {(1 << 16) - 1}")
    return int(text)


if __name__ == "__main__":
    run(lambda: main(sys.argv[1:], os.environ))
