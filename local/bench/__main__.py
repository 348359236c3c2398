"""`make bench`: cold start and warm invocation against a handler written the documented way; then a soak."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from local.bench import soak
from local.simulator import Simulator
from local.stack import DEMO_TOKEN, TOKEN_VARIABLE

OURS, DOCUMENTED = "functions.mute_call.index", "local.bench.documented"
_SCALE_MS = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    parser.add_argument("--cold", type=int, default=15, help="cold starts of each (default: %(default)s)")
    parser.add_argument("--warm", type=int, default=500, help="warm invocations of each (default: %(default)s)")
    parser.add_argument("--soak", type=float, default=60, help="seconds of the soak, 0 for none (default: %(default)s)")
    options = parser.parse_args(arguments)
    with Simulator() as simulator:
        # Of the shell only what Python needs: its variables for a deployment would bend the figures.
        environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "SSL_CERT_FILE")}
        environment |= {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.local",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local-secret",
            "ALIBABA_CLOUD_SECURITY_TOKEN": "local-token",
            "CCC_ENDPOINT": simulator.endpoint,
            "CCC_PROTOCOL": "http",
            TOKEN_VARIABLE: DEMO_TOKEN,
        }
        cold: dict[str, list[float]] = {OURS: [], DOCUMENTED: []}
        for _ in range(options.cold):
            for module, seconds in cold.items():
                seconds.append(_run(module, 1, environment)[0])
        warm = {module: _run(module, options.warm, environment)[1] for module in cold}
    rows = [
        _row("process start to first answer", statistics.median(cold[OURS]), statistics.median(cold[DOCUMENTED])),
        _row("warm invocation", statistics.median(warm[OURS]), statistics.median(warm[DOCUMENTED])),
    ]
    sys.stdout.write(
        f"Python {sys.version.split()[0]}, medians of {options.cold} cold and {options.warm} warm runs\n\n"
    )
    sys.stdout.write("| | this function | documented way | ratio |\n| --- | --- | --- | --- |\n" + "".join(rows))
    if not options.soak:
        return 0
    sys.stdout.write("\n")
    return soak.main(["--seconds", str(options.soak)])


def _run(module: str, count: int, environment: dict[str, str]) -> tuple[float, list[float]]:
    """Return how long a process took, and each of its invocations."""
    command = [sys.executable, "-W", "ignore", "-m", "local.bench.process", module, str(count)]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own module
    return time.perf_counter() - began, json.loads(done.stdout)


def _row(name: str, ours: float, theirs: float) -> str:
    return f"| {name} | {ours * _SCALE_MS:.1f} ms | {theirs * _SCALE_MS:.1f} ms | {ours / theirs:.2f} |\n"


if __name__ == "__main__":
    sys.exit(main())
