"""The processes of a benchmark: an upstream, and the subjects measured against it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import certifi
import trustme

from local.bench.subjects import ROOT
from local.demo.stack import DEMO_TOKEN, TOKEN_VARIABLE
from local.package.authorities import FOLDER, split_authorities

EVENT = ROOT / "events" / "http.json"
_TICKS = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A process that listens."""

    port: int
    process: int

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process and its children, in seconds."""
        return sum(_cpu_seconds(process) for process in _family(self.process))


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str], folder: Path = ROOT) -> Iterator[Server]:
    """Start a process that says where it listens, and stop it at the end.

    Args:
        command: of the process.
        environment: all of its variables.
        folder: where it runs.
    """
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own modules
        try:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            port = urlsplit(process.stdout.readline().split()[-1]).port or 0
            # Read and discard its log; a full pipe would block it.
            threading.Thread(target=deque, args=(process.stdout, 0), daemon=True).start()
            yield Server(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def bare_shell() -> dict[str, str]:
    """Return only the shell's variables that Python needs; those for a deployment would distort the figures."""
    return {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}


@contextmanager
def upstream(wait_ms: float, certificate: Path | None = None) -> Iterator[dict[str, str]]:
    """Serve a replacement for CCC and yield the variables of a function that calls it.

    Args:
        wait_ms: before each answer.
        certificate: to serve it over TLS, a file with certificate and key.
    """
    shell = bare_shell()
    command = [sys.executable, "-m", "local.bench.upstream", "--wait-ms", str(wait_ms)]
    command += ["--certificate", str(certificate)] if certificate else []
    with serving(command, shell) as server:
        yield shell | {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.local",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local-secret",
            "ALIBABA_CLOUD_SECURITY_TOKEN": "local-token",
            "CCC_ENDPOINT": f"{'' if certificate else 'http://'}127.0.0.1:{server.port}",
            # As s.yaml sets it.
            "PYDANTIC_DISABLE_PLUGINS": "__all__",
            TOKEN_VARIABLE: DEMO_TOKEN,
        }


@contextmanager
def upstream_over_tls() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Serve it over TLS and yield the variables without and with `SSL_CERT_FILE`.

    The server's authority is one of as many as certifi has: in the file that requests, which the documented way sends
    with, reads in the place of certifi's, and in a folder like that of a system.
    """
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        certificate, bundle = folder / "server.pem", folder / "certifi" / "cacert.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        bundle.parent.mkdir()
        text = Path(certifi.where()).read_text(encoding="utf-8") + authority.cert_pem.bytes().decode()
        bundle.write_text(text, encoding="utf-8")
        split_authorities(folder)
        file = folder / "bundle.pem"
        file.write_text(text, encoding="utf-8")
        variables = stack.enter_context(upstream(0, certificate))
        variables |= {"REQUESTS_CA_BUNDLE": str(file), "SSL_CERT_DIR": str(folder / FOLDER)}
        yield variables, variables | {"SSL_CERT_FILE": str(file)}


def _family(process: int) -> Iterator[int]:
    yield process
    for task in Path(f"/proc/{process}/task").iterdir():
        # A thread may have ended since it was listed.
        with contextlib.suppress(FileNotFoundError):
            for child in (task / "children").read_text(encoding="utf-8").split():
                yield from _family(int(child))


def _cpu_seconds(process: int) -> float:
    # proc(5): fields 14 and 15. Field 2, the name in brackets, may contain spaces, so count from its end.
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
