"""A soak test: mixed callers, duplicates and faults at a steady rate; every answer is compared with the expected one.

    python -m local.bench.soak [--seconds 60] [--rate 20]

Requests run one at a time, so each fault meets its request. The exit code is 1 if an answer, the number of calls to
CCC, a duration or the memory differs from what is expected.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from local.bench.running import bare_shell, serving
from local.bench.soak_plan import KINDS, Expected, Step, expected_of, plan
from local.cli.command_line import run
from local.demo.stack import HANDLER
from local.simulator import Simulator
from shared.callers.schemes import read_auth
from shared.runtime.event import Request

_ROOT = Path(__file__).parents[2]
_PAYLOAD = json.loads((_ROOT / "events" / "direct.json").read_text(encoding="utf-8"))
_SECRET = "whsec_c29hay1zb2FrLXNvYWstc29hay1zb2Fr"  # noqa: S105 - made up
_CALLERS = """
[callers.bearer]
auth = { scheme = "bearer", secrets = ["env:SOAK_SECRET"] }
instances = ["ccc-test"]
[callers.signed]
auth = { scheme = "standard-webhooks", secrets = ["env:SOAK_SECRET"] }
instances = ["ccc-test"]
[callers.hub]
auth = { scheme = "github", secrets = ["env:SOAK_SECRET"] }
instances = ["ccc-test"]
[callers.flow]
auth = { scheme = "api-key", secrets = ["env:SOAK_SECRET"] }
instances = ["ccc-test"]
response = "always-200"
"""
_AUTH = {"bearer": "bearer", "signed": "standard-webhooks", "hub": "github", "flow": "api-key"}
_DEADLINE_MS, _READ_MS = 2_000, 400
# No answer may come later than the deadline plus a tenth.
_LATEST_S = _DEADLINE_MS / 1000 * 1.1
_MEMORY_BAR = 1.10
# More than the memory store holds, so that filling the store does not look like growth.
_WARM_UP = 2_500


class Answer(NamedTuple):
    """The answer with the number of calls to CCC, the time it took, and whether it was the expected one."""

    got: Expected
    seconds: float
    right: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak and print its table."""
    parser = argparse.ArgumentParser(prog="python -m local.bench.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=20, help="requests a second (default: %(default)s)")
    parser.add_argument("--warm-up", type=int, default=_WARM_UP, help="requests before (default: %(default)s)")
    options = parser.parse_args(arguments)
    answers: dict[str, list[Answer]] = defaultdict(list)
    steps = plan(seed=1)
    with Simulator() as simulator, _gateway(simulator) as (address, process):
        for step in islice(steps, options.warm_up):
            # It takes its time, and fills no memory.
            if step.kind != "slow" and not (answer := _send(step, address, simulator)).right:
                sys.stderr.write(f"unexplained: {step} {answer}\n")
                return 1
        before = _memory_of(process)
        count = int(options.seconds * options.rate)
        began = time.monotonic()
        for number, step in enumerate(islice(steps, count)):
            time.sleep(max(0.0, began + number / options.rate - time.monotonic()))
            answers[step.kind].append(_send(step, address, simulator))
            if not answers[step.kind][-1].right:
                sys.stderr.write(f"unexplained: {step} {answers[step.kind][-1]}\n")
        seconds, after = time.monotonic() - began, _memory_of(process)
    return report(answers, seconds, (before, after))


def report(answers: Mapping[str, list[Answer]], seconds: float, memory: tuple[int, int]) -> int:
    """Print the table and return the exit code.

    Args:
        answers: by the kind of the request.
        seconds: how long the soak took.
        memory: of the function's process in bytes, after the warm-up and at the end.
    """
    every = [answer for some in answers.values() for answer in some]
    unexplained = sum(not answer.right for answer in every)
    late = sum(answer.seconds > _LATEST_S for answer in every)
    growth = memory[1] / memory[0]
    lines = ["| request | answers | as expected | calls of CCC | p50 | p99 |", "| --- | --- | --- | --- | --- | --- |"]
    for kind in KINDS:
        if some := answers.get(kind):
            codes = Counter(f"{answer.got.status} `{answer.got.code}`" for answer in some)
            told = ", ".join(f"{count} of {code}" for code, count in codes.most_common())
            right = sum(answer.right for answer in some)
            calls = sum(answer.got.calls for answer in some)
            times = sorted(answer.seconds * 1000 for answer in some)
            p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
            median = statistics.median(times)
            lines.append(f"| {kind} | {told} | {right} of {len(some)} | {calls} | {median:.1f} ms | {p99:.1f} ms |")
    bad = unexplained or late or growth > _MEMORY_BAR or not every
    lines += [
        "",
        f"{len(every)} requests in {seconds:.0f} s: {unexplained} unexplained, {late} later than {_LATEST_S:g} s.",
        f"Memory: {memory[0] / 1e6:.1f} MB after the warm-up, {memory[1] / 1e6:.1f} MB at the end: {growth:.3f} of it.",
        "FAILED" if bad else "passed",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if bad else 0


def _send(step: Step, address: str, simulator: Simulator) -> Answer:
    if fault := KINDS[step.kind].fault:
        simulator.faults.add(fault)
    request, body = _signed(step)
    before = simulator.requests_total
    connection = http.client.HTTPConnection(address, timeout=30)
    began = time.monotonic()
    try:
        connection.request("POST", f"/{step.sender}", body, dict(request.headers))
        response = connection.getresponse()
        told = json.loads(response.read())
    finally:
        connection.close()
    seconds = time.monotonic() - began
    calls = simulator.requests_total - before
    replayed = response.getheader("Idempotency-Replayed") == "true"
    got = Expected(response.status, told.get("code") or told["status"], replayed, calls)
    return Answer(got, seconds, got == expected_of(step))


def _signed(step: Step) -> tuple[Request, bytes]:
    payload = {**_PAYLOAD, "DeviceId": f"device-{step.number}", **step.changes}
    form = step.sender == "flow"
    body = (urlencode(payload) if form else json.dumps(payload)).encode()
    key = f"key-{step.number}"
    content_type = "application/x-www-form-urlencoded" if form else "application/json"
    named = {"webhook-id": key} if step.sender == "signed" else {"idempotency-key": key}
    request = Request(path=f"/{step.sender}", headers={"content-type": content_type, **named})
    scheme = _AUTH[step.sender]
    auth = read_auth({"scheme": scheme, "secrets": ["env:SOAK_SECRET"]})
    secret = _SECRET.swapcase() if step.wrong_secret else _SECRET
    if step.wrong_secret and step.sender == "signed":
        secret = "whsec_" + _SECRET.removeprefix("whsec_").swapcase()
    return auth.sign(replace(request, body=body), secret, time.time()), body


@contextmanager
def _gateway(simulator: Simulator) -> Iterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        callers = Path(folder) / "callers.toml"
        callers.write_text(_CALLERS, encoding="utf-8")
        environment = bare_shell() | {
            "CALLERS_FILE": str(callers),
            "CCC_ENDPOINT": simulator.url,
            "CCC_READ_TIMEOUT_MS": str(_READ_MS),
            "DEADLINE_MS": str(_DEADLINE_MS),
            "SOAK_SECRET": _SECRET,
        }
        command = [sys.executable, "-m", "local.gateway", HANDLER, "--port", "0"]
        with serving(command, environment) as server:
            yield f"127.0.0.1:{server.port}", server.process


def _memory_of(process: int) -> int:
    """Return the bytes of memory that a process has, by its status in /proc."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


if __name__ == "__main__":
    run(main)
