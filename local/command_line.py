"""What the command lines of the tools share: an argument that is a file or a text, and mistakes told in one line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

USAGE_ERROR = 2
CALLERS_FILE = Path(__file__).parent.parent / "functions" / "mute_call" / "callers.toml"
_STDIN = "-"
_JSON_BEGINS_WITH = ("{", "[")


class UsageError(Exception):
    """The command cannot do what it was asked for; its text is one line for whoever typed it."""


class Parser(argparse.ArgumentParser):
    """A parser that tells a mistake in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        """Write the line and exit with 2."""
        line = " ".join(message.split())
        self.exit(USAGE_ERROR, f"{self.prog}: {line}\n")

    def add_callers(self) -> None:
        """Add `--callers`."""
        self.add_argument(
            "--callers",
            metavar="FILE",
            type=Path,
            default=Path(os.environ.get("CALLERS_FILE") or CALLERS_FILE),
            help="the callers file (default: CALLERS_FILE, else the one of functions/mute_call)",
        )


def read_argument(argument: str) -> bytes:
    """Return the bytes that an argument stands for: a file's, those of stdin for `-`, or a JSON text's own.

    Raises:
        UsageError: there is no such file.
    """
    if argument == _STDIN:
        return sys.stdin.buffer.read()
    if argument.lstrip().startswith(_JSON_BEGINS_WITH):
        # The very bytes that were typed, whatever the locale says of them.
        return os.fsencode(argument)
    try:
        return Path(argument).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {argument}: {error.strerror}") from None
    except ValueError:
        raise UsageError("cannot read a file of this name") from None


def write(text: str) -> None:
    """Write a text to stdout, in UTF-8 whatever the locale: a command to paste must arrive as it was meant."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()
