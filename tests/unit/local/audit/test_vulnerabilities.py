from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from local.audit.accepted import Accepted
from local.audit.check import AuditError, Check
from local.audit.vulnerabilities import UncheckedError, Vulnerability, findings_of, read_answer

ASKED = [("greeter", "1.0"), ("words", "2.0")]
CLEAN: dict[str, Any] = {"name": "words", "version": "2.0", "vulns": []}
KNOWN = {"id": "PYSEC-2026-7", "fix_versions": ["1.1"], "aliases": ["CVE-2026-1"], "description": ""}
TRACEBACK = """Traceback (most recent call last):
  File "/environment/pip_audit/_service/osv.py", line 70, in query
    response: requests.Response = self.session.post(
requests.exceptions.ProxyError: HTTPSConnectionPool(host='user:password@proxy')
"""


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_vulnerabilities_are_read_with_all_their_ids() -> None:
    stdout = report({"name": "greeter", "version": "1.0", "vulns": [KNOWN]}, CLEAN)
    assert read_answer(stdout, "", ASKED) == [Vulnerability("greeter", "1.0", ("PYSEC-2026-7", "CVE-2026-1"), ("1.1",))]


@pytest.mark.parametrize(
    "packages",
    [
        [CLEAN],
        [CLEAN, {"name": "greeter", "version": "0.9", "vulns": []}],
        [CLEAN, {"name": "greeter", "skip_reason": "not found"}],
    ],
    ids=["missing", "another version", "skipped"],
)
def test_a_package_without_an_answer_is_not_checked(packages: list[dict[str, Any]]) -> None:
    with pytest.raises(UncheckedError, match=r"no answer for greeter$"):
        read_answer(report(*packages), "No known vulnerabilities found", ASKED)


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        (TRACEBACK, "(ProxyError)"),
        (TRACEBACK.replace("requests.exceptions.ProxyError: H", "KeyError: 'H"), "(KeyError)"),
        (TRACEBACK + "pip_audit._service.interface.ServiceError\n", "(ServiceError)"),
        ("ERROR: Could not connect\nERROR: Tip: your network may be blocking this service.\n", "(ERROR)"),
    ],
)
def test_a_service_that_fails_is_told_by_the_class_of_the_failure_alone(stderr: str, told: str) -> None:
    with pytest.raises(UncheckedError) as caught:
        read_answer("", stderr, ASKED)
    assert str(caught.value) == f"the service cannot be reached or read {told}"


@pytest.mark.parametrize(
    ("stdout", "stderr", "told"),
    [
        ("", "python: No module named pip_audit\n", "pip-audit: python: No module named pip_audit"),
        ("", "ERROR: package words has duplicate requirements\n", "pip-audit: ERROR: package words has duplicate"),
        ("", "", "pip-audit: it said nothing"),
        ("[]", "", "pip-audit: its report cannot be read"),
        ("<html>", "", "pip-audit: its report cannot be read"),
    ],
)
def test_a_failure_of_our_own_is_an_error_and_never_a_network_that_is_down(stdout: str, stderr: str, told: str) -> None:
    with pytest.raises(AuditError) as caught:
        read_answer(stdout, stderr, ASKED)
    assert str(caught.value).startswith(told)


TODAY, TOMORROW = date(2026, 11, 25), date(2026, 11, 26)
EXPIRED = "local/audit/accepted.toml: CVE-2026-1 of greeter was accepted until 2026-11-25"
TOLD = "greeter 1.0 (function.txt): PYSEC-2026-7 CVE-2026-1, fixed in 1.1"


@pytest.mark.parametrize(
    ("package", "until", "findings"),
    [
        ("greeter", TOMORROW, []),
        ("greeter", TODAY, [EXPIRED, TOLD]),
        ("other", TOMORROW, [TOLD]),
    ],
)
def test_what_is_accepted_is_no_finding_until_its_day(package: str, until: date, findings: list[str]) -> None:
    found = [Vulnerability("greeter", "1.0", ("PYSEC-2026-7", "CVE-2026-1"), ("1.1",))]
    locks = {"function.txt": ["greeter==1.0 --hash=sha256:0"], "dev.txt": ["greeter==2.0 --hash=sha256:0"]}
    entry = Accepted(package=package, id="CVE-2026-1", reason="never called", until=until)
    assert findings_of(found, locks, [entry], TODAY) == findings


def test_a_check_is_told_in_a_line_and_each_finding_in_one_of_its_own() -> None:
    assert Check("licences", "2 distributions", ("one: GPL",)).lines() == [
        "licences         2 distributions",
        "  FOUND one: GPL",
    ]
