"""Shared parts of the command lines: exit codes, arguments that are a file or a text, errors in one line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

USAGE_ERROR = 2
# A shell's exit code for a command that SIGPIPE ended. The signal itself would also end it for a socket.
_NOBODY_READS = 128 + signal.SIGPIPE
# A shell's exit code for a command that Ctrl-C ended.
_INTERRUPTED = 128 + signal.SIGINT
# Folders below functions/; the first is the default.
FUNCTIONS = ("mute_call", "unmute_call")
_STDIN = "-"
_JSON_BEGINS_WITH = ("{", "[")
# An event of the longest body that the platform takes, 32 MB in base64, and room beside it.
_MOST_BYTES = 64 * 1024 * 1024


class UsageError(Exception):
    """The command cannot do what it was asked for; its text is one line for whoever typed it."""


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command and exit with its code; after Ctrl-C, or where nobody reads on (`… | head`), without a word."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Closed by the shell: what is opened next would take its place.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "w" if descriptor else "r"))
    try:
        try:
            code = main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer is written once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _NOBODY_READS
    except KeyboardInterrupt:
        code = _INTERRUPTED
    sys.exit(code)


class Parser(argparse.ArgumentParser):
    """A parser that shows texts as they are written, and tells a mistake in one line, without the usage above it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        """Write the line and exit with 2."""
        line = " ".join(message.split())
        self.exit(USAGE_ERROR, f"{self.prog}: {line}\n")

    def add_callers(self) -> None:
        """Add `--function`, and `--callers`, whose default follows it."""
        named = os.environ.get("CALLERS_FILE")
        own = None if named else callers_file(FUNCTIONS[0])
        self.add_argument(
            "--function",
            choices=FUNCTIONS,
            default=FUNCTIONS[0],
            action=_ChooseFunction,
            own=own,
            help="the function (default: %(default)s)",
        )
        self.add_argument(
            "--callers",
            metavar="FILE",
            type=Path,
            default=own or named,
            help="the callers file (default: CALLERS_FILE, or that of the function)",
        )


class _ChooseFunction(argparse.Action):
    """Takes a function, and its callers file unless another was chosen."""

    def __init__(self, *args: Any, own: Path | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = own

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - the signature of an action
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002 - the signature of an action
    ) -> None:
        namespace.function = values
        if self._own is not None and namespace.callers is self._own:
            namespace.callers = self._own = callers_file(str(values))


def callers_file(function: str) -> Path:
    """Return the callers file that is deployed with a function.

    Args:
        function: the name of its folder.
    """
    return Path(__file__).parents[2] / "functions" / function / "callers.toml"


def read_argument(argument: str) -> bytes:
    """Return the bytes that an argument stands for: a file's, those of stdin for `-`, or a JSON text's own.

    Raises:
        UsageError: there is no such file, or more in it than any event has.
    """
    if argument == _STDIN:
        return _whole(sys.stdin.buffer, argument)
    if argument.lstrip().startswith(_JSON_BEGINS_WITH):
        # The bytes as they were typed, independent of the locale.
        return os.fsencode(argument)
    try:
        with Path(argument).open("rb") as file:
            return _whole(file, argument)
    except OSError as error:
        raise UsageError(f"cannot read {argument}: {error.strerror}") from None
    except ValueError:
        raise UsageError("cannot read a file of this name") from None


def _whole(file: IO[bytes], name: str) -> bytes:
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UsageError(f"cannot read {name}: more than {_MOST_BYTES} bytes, which is no event")
    return content


def write(text: str) -> None:
    """Write a text to stdout, in UTF-8 whatever the locale: a command to paste must arrive as it was meant."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()
