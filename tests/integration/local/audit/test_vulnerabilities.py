"""The real pip-audit against a service that answers as OSV does, or does not."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.audit.tools import AuditError
from local.audit.vulnerabilities import ACCEPTED, check_vulnerabilities

TODAY = datetime.now(timezone.utc).date()
LOCKS = {
    "function.txt": "greeter==1.0 \\\n    --hash=sha256:0\n    # via everybody\n",
    "dev.txt": "greeter==1.0\ntester==1.0 ; python_version < '3.11'\ntester==2.0 ; python_version >= '3.11'\n",
}
CANARY = "pyyaml"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unmeasured")]
# Body and status for a package and its version.
Answer = Callable[[str, str], tuple[int, bytes]]


def known(package: str, *ids: str) -> bytes:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}]
    affected = [{"package": {"name": package, "ecosystem": "PyPI"}, "ranges": ranges}]
    return json.dumps({"vulns": [{"id": ids[0], "aliases": ids[1:], "affected": affected}]}).encode()


def answering(vulnerable: dict[tuple[str, str], bytes]) -> Answer:
    answers = {(CANARY, "3.13"): known(CANARY, "PYSEC-2018-49", "CVE-2017-18342")} | vulnerable
    return lambda package, version: (200, answers.get((package, version), b"{}"))


@contextmanager
def service(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answer(query["package"]["name"], query["version"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        finally:
            server.shutdown()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in LOCKS.items():
        tmp_path.joinpath("requirements").mkdir(exist_ok=True)
        tmp_path.joinpath("requirements", name).write_text(text, encoding="utf-8")
    tmp_path.joinpath(ACCEPTED).parent.mkdir(parents=True)
    # It expires today.
    entry = f'[[accepted]]\npackage = "words"\nid = "CVE-2026-1"\nreason = "never called"\nuntil = {TODAY}\n'
    tmp_path.joinpath(ACCEPTED).write_text(entry, encoding="utf-8")
    return tmp_path


def checked(root: Path, url: str, seconds: float = 60) -> tuple[str, list[str]]:
    """Return the summary, and the findings but for the entry that has expired, which is always told."""
    check = check_vulnerabilities(root, service=url, seconds=seconds)
    expired, *findings = check.findings
    assert expired.startswith(f"{ACCEPTED}: CVE-2026-1 of words")
    return check.summary, findings


def test_what_is_known_is_found_in_every_version_and_lock(root: Path) -> None:
    vulnerable = {
        ("greeter", "1.0"): known("greeter", "PYSEC-2026-7", "CVE-2026-1"),
        ("tester", "1.0"): known("tester", "PYSEC-2026-8"),
    }
    with service(answering(vulnerable)) as url:
        summary, findings = checked(root, url)
    assert findings == [
        "greeter 1.0: PYSEC-2026-7 CVE-2026-1, fixed in 9.9",
        "tester 1.0: PYSEC-2026-8, fixed in 9.9",
    ]
    assert summary == "3 locked versions"


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>Log in</html>"), (200, b"{}"), (200, b"[]"), (503, b"")])
def test_a_service_that_answers_something_else_leaves_everything_unchecked(
    root: Path, status: int, body: bytes
) -> None:
    with service(lambda *_: (status, body)) as url:
        summary, findings = checked(root, url)
    assert summary.startswith("not checked: ")
    assert findings == []


def test_a_service_that_fails_half_way_is_not_taken_for_an_answer_and_what_it_has_told_counts(root: Path) -> None:
    whole = answering({("greeter", "1.0"): known("greeter", "PYSEC-2026-7")})
    with service(lambda *pin: (500, b"") if pin == ("tester", "2.0") else whole(*pin)) as url:
        summary, findings = checked(root, url)
    assert summary == "not checked: the service cannot be reached or read (ServiceError)"
    assert len(findings) == 1


def test_a_service_that_cannot_be_reached_leaves_everything_unchecked(root: Path) -> None:
    with socket.socket() as taken:
        # Bound and not listening: nobody else can take it.
        taken.bind(("127.0.0.1", 0))
        summary, findings = checked(root, f"http://127.0.0.1:{taken.getsockname()[1]}/v1/query")
    assert summary == "not checked: the service cannot be reached or read (ConnectionError)"
    assert findings == []


def test_a_service_that_is_silent_is_waited_for_no_longer_than_allowed(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        summary, _ = checked(root, f"http://127.0.0.1:{silent.getsockname()[1]}/v1/query", seconds=1)
    assert summary == "not checked: the service is too slow"


def test_a_tool_that_fails_otherwise_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(AuditError, match="pip-audit: no output"):
        checked(root, "http://127.0.0.1:9/")
