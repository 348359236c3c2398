"""`python -m local.gateway module:handler`: serves one function until SIGINT or SIGTERM."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence

from local.cli.command_line import run
from local.gateway.errors import FunctionError
from local.gateway.gateway import Gateway
from local.gateway.instance import LoadError
from local.gateway.settings import RUNTIMES, Credentials

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the function; return the exit code: 0 after a signal, 1 without a port, 2 for a function not found."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        gateway = Gateway(
            options.handler,
            port=options.port,
            credentials=Credentials(options.access_key_id, options.access_key_secret, options.security_token),
            runtime=options.runtime,
            timeout=options.timeout,
        )
    except ValueError as error:
        parser.error(str(error))
    # Both end the gateway as Ctrl-C does, also where a shell started it with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with gateway:
            _serve_until_signal(gateway)
    except (LoadError, FunctionError) as error:
        return _fail(str(error), USAGE_ERROR)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(f"cannot listen on port {options.port}: {error}", 1)
    except KeyboardInterrupt:
        pass
    return 0


def _serve_until_signal(gateway: Gateway) -> None:
    receiver, sender = socket.socketpair()
    sender.setblocking(False)  # noqa: FBT003 - the standard library's signature
    with receiver, sender:
        # Each signal writes a byte, so one that arrives just before `recv` is not missed.
        signal.set_wakeup_fd(sender.fileno())
        sys.stdout.write(f"listening on {gateway.url}\n")
        sys.stdout.flush()
        try:
            receiver.recv(1)
        finally:
            signal.set_wakeup_fd(-1)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.gateway", description=__doc__)
    add = parser.add_argument
    add("handler", help="the function as module:attribute; on a custom runtime the argument of `shared.server`")
    add("--port", type=_port, default=9000, help="0 picks a free one (default: %(default)s)")
    add("--runtime", choices=RUNTIMES, default="python3.12", help="default: %(default)s")
    add("--timeout", type=_seconds, default=15, help="time limit of an invocation, in seconds (default: %(default)s)")
    role = parser.add_argument_group("credentials of the function's role, also from GATEWAY_ACCESS_KEY_ID and so on")
    for flag, default in (
        ("access-key-id", "STS.local"),
        ("access-key-secret", "local-secret"),
        ("security-token", "local-token"),
    ):
        variable = f"GATEWAY_{flag.upper().replace('-', '_')}"
        role.add_argument(f"--{flag}", default=os.environ.get(variable, default), help=f"default: {default}")
    return parser


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:  # noqa: PLR2004 - what a port can be
        raise ValueError(text)
    return value


def _seconds(text: str) -> float:
    value = float(text)
    # As in a function's configuration, whole seconds are an int in context.function.timeout.
    return int(value) if value.is_integer() else value


if __name__ == "__main__":
    run(main)
