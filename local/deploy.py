"""Runs the deployment tool for a resource of s.yaml (`make deploy`), and checks that the new package answers.

The exit code of the tool is not enough: without a terminal, or after the answer "no", it exits with 0 and has deployed
nothing. So without a terminal the tool runs without its question, and afterwards `healthz` must return the build of the
package in dist/. A build does not include variables: python -m local.smoke checks the token.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from local.cli.command_line import Parser, UsageError, run, write
from local.deployed import built
from local.doctor.deployment import DeploymentError, package_of
from local.package.targets import DEFAULT_RUNTIME, TARGETS
from local.send.message import read_url
from local.send.wire import NO_ANSWER, exchange
from local.smoke.checks import Verdict, healthz

_ROOT = Path(__file__).parents[1]
_TOOL = "s"
# Of the trigger of LATEST, as JSON and as YAML; fc3 leaves it out where the trigger's own address is closed.
_ADDRESS = re.compile(r"""(?<!\w)system_url["']?\s*:\s*["']?(https?://[^\s"',]+)""")
_INFO_S = 120
_NOT_ASKED = "none"
_LONGEST_WAIT_S = 3600
_EPILOG = """\
exit code: 0 if the new package answers, 1 if it does not or no address could be checked, 2 if the command cannot run,
otherwise that of the tool
"""


def main(arguments: Sequence[str] | None = None, root: Path = _ROOT) -> int:
    """Deploy, and tell what answers; return the exit code.

    Args:
        arguments: of the command line.
        root: of the repository.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return _deploy(options, root)
    except (UsageError, DeploymentError) as error:
        parser.error(str(error))


def _deploy(options: argparse.Namespace, root: Path) -> int:
    if options.url not in (None, _NOT_ASKED):
        read_url(options.url)
    function = package_of(root, options.resource)
    tool = shutil.which(_TOOL)
    if tool is None:
        raise UsageError("s is not installed: npm install --global @serverless-devs/s")
    before = _stamp(root, function)
    environ = {**os.environ, "RUNTIME": options.runtime}
    somebody = sys.stdin.isatty() and sys.stdout.isatty()
    command = [tool, options.resource, "deploy", *(() if somebody else ("-y",))]
    try:
        code = subprocess.run(command, cwd=root, env=environ, check=False).returncode  # noqa: S603 - the tool, no shell
    except OSError as error:
        raise UsageError(f"s cannot be run: {error.strerror}") from None
    if code:
        _failed(f"s exited with {code}", "see its output above; the function was not checked")
        return code
    if function is None:
        write(
            f"s has deployed {options.resource}, which has no package; check the function behind it: {_smoke(None)}\n"
        )
        return 0
    if _stamp(root, function) == before:
        return _failed(f"s exited with 0 and has not built dist/{function}.zip", "nothing was deployed: run it again")
    if options.url == _NOT_ASKED:
        write(f"not checked whether the new package answers: {_smoke(function)}\n")
        return 0
    url = options.url or _address(tool, options.resource, root, environ) or os.environ.get("URL")
    if not url:
        return _failed(
            f"`s {options.resource} info` names no address, so the function was not checked", _smoke(function)
        )
    return _asked(url, function, root, options)


def _asked(url: str, function: str, root: Path, options: argparse.Namespace) -> int:
    """Ask until the build in dist/ answers, or the time is up."""
    build = built(root, function)
    if build is None:
        return _failed(f"dist/{function} names no build", f"make package FUNCTION={function}")
    check, deadline = healthz(read_url(url), build), time.monotonic() + options.wait
    while True:
        try:
            verdict = check.judge(exchange(check.outgoing))
        except NO_ANSWER as error:
            verdict = Verdict(f"no answer ({type(error).__name__})", "check the URL; a new trigger needs ten seconds")
        if not verdict.reason:
            write(f"ok      {url} answers with build {build}; next: {_smoke(function, url)}\n")
            return 0
        if time.monotonic() >= deadline:
            return _failed(f"{url}: {verdict.reason}", verdict.remedy.format(resource=options.resource))
        time.sleep(1)


def _address(tool: str, resource: str, root: Path, environ: dict[str, str]) -> str | None:
    """Return the trigger's address, as the tool tells it; what else it tells is not shown."""
    command = [tool, resource, "info", "--silent", "-o", "raw"]
    try:
        told = subprocess.run(  # noqa: S603 - the tool, no shell
            command,
            cwd=root,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_INFO_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    found = _ADDRESS.search(told.stdout) if told.returncode == 0 else None
    return found[1] if found else None


def _stamp(root: Path, function: str | None) -> tuple[int, int] | None:
    """Return what tells one build's zip from the next one's."""
    try:
        found = root.joinpath("dist", f"{function}.zip").stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _smoke(function: str | None, url: str = "URL") -> str:
    return f"python -m local.smoke --url {url}" + (f" --function {function}" if function else "")


def _failed(reason: str, remedy: str) -> int:
    write(f"FAILED  {reason}\n        {remedy}\n")
    return 1


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _LONGEST_WAIT_S:
        raise argparse.ArgumentTypeError(f"no number of seconds up to {_LONGEST_WAIT_S}")
    return seconds


def _parser() -> Parser:
    parser = Parser(
        prog="python -m local.deploy",
        description=__doc__,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("--resource", default="mute_call", help="the resource in s.yaml (default: %(default)s)")
    add("--runtime", default=DEFAULT_RUNTIME, choices=TARGETS, help="(default: %(default)s)")
    add("--url", help="the URL of LATEST; `none`: do not check (default: from `s … info`, or the variable URL)")
    add(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=60,
        help="how long to wait for the new package (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    run(main)
