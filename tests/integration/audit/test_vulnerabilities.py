"""The real pip-audit against a service that answers as OSV does, or does not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.audit.accepted import Accepted
from local.audit.check import Check
from local.audit.vulnerabilities import check_vulnerabilities

TODAY = date(2026, 11, 25)
HASH = "--hash=sha256:" + "0" * 64
FUNCTION, DEV = "requirements/function.txt", "requirements/dev.txt"
LOCKS = {
    FUNCTION: [f"greeter==1.0 {HASH}"],
    DEV: [f"greeter==1.0 {HASH}", f"tester==1.0 {HASH}", f"tester==2.0 {HASH}"],
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


def checked(url: str, *accepted: Accepted, seconds: float = 60) -> Check:
    return check_vulnerabilities(LOCKS, accepted, today=TODAY, service=url, seconds=seconds)


def accept(until: date) -> Accepted:
    return Accepted(package="greeter", id="CVE-2026-1", reason="never called", until=until)


def test_what_is_known_is_found_in_every_version_and_lock() -> None:
    vulnerable = {
        ("greeter", "1.0"): known("greeter", "PYSEC-2026-7", "CVE-2026-1"),
        ("tester", "1.0"): known("tester", "PYSEC-2026-8"),
    }
    with service(answering(vulnerable)) as url:
        check = checked(url)
    assert check.findings == (
        "greeter 1.0 (requirements/function.txt, requirements/dev.txt): PYSEC-2026-7 CVE-2026-1, fixed in 9.9",
        "tester 1.0 (requirements/dev.txt): PYSEC-2026-8, fixed in 9.9",
    )
    assert check.summary == "3 locked versions, 2 known"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Please log in</html>"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"vulns": [{}]}'),
        (503, b""),
    ],
)
def test_a_service_that_answers_something_else_leaves_everything_unchecked(status: int, body: bytes) -> None:
    with service(lambda *_: (status, body)) as url:
        check = checked(url)
    assert check.summary.startswith("not checked: the service ")
    assert check.findings == ()


def test_a_service_that_fails_half_way_is_not_taken_for_an_answer_and_what_it_has_told_counts() -> None:
    whole = answering({("greeter", "1.0"): known("greeter", "PYSEC-2026-7")})
    with service(lambda package, version: (500, b"") if package == "tester" else whole(package, version)) as url:
        check = checked(url)
    assert check.summary == "not checked: the service cannot be reached or read (ServiceError)"
    assert len(check.findings) == 1


def test_a_service_that_cannot_be_reached_leaves_everything_unchecked_and_what_has_expired_is_told() -> None:
    with socket.socket() as taken:
        # Bound and not listening: nobody else can take it.
        taken.bind(("127.0.0.1", 0))
        check = checked(f"http://127.0.0.1:{taken.getsockname()[1]}/v1/query", accept(TODAY))
    assert check.summary == "not checked: the service cannot be reached or read (ConnectionError)"
    assert check.findings == ("local/audit/accepted.toml: CVE-2026-1 of greeter was accepted until 2026-11-25",)


def test_a_service_that_is_silent_is_waited_for_no_longer_than_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        check = checked(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/query", seconds=1)
    assert check.summary == "not checked: the service is too slow"
