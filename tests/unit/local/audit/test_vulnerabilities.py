from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from local.audit.tools import AuditError, Check
from local.audit.vulnerabilities import ACCEPTED, Accepted, Vulnerability, findings_of, pins_on, read_accepted

ROOT = Path(__file__).parents[4]
TODAY, TOMORROW = date(2026, 11, 25), date(2026, 11, 26)
ENTRY = '[[accepted]]\npackage = "greeter"\nid = "CVE-2026-1"\nreason = "never called"\nuntil = 2026-12-31\n'


@pytest.mark.parametrize(
    ("package", "until", "findings"),
    [("Greeter", TOMORROW, []), ("greeter", TODAY, [ACCEPTED, "greeter 1.0"]), ("other", TOMORROW, ["greeter 1.0"])],
)
def test_what_is_accepted_is_no_finding_until_its_day(package: str, until: date, findings: list[str]) -> None:
    found = [Vulnerability("greeter", "1.0", ("PYSEC-2026-7", "CVE-2026-1"), ("1.1",))]
    entry = Accepted(package=package, id="CVE-2026-1", reason="never called", until=until)
    assert [each.partition(":")[0] for each in findings_of(found, [entry], TODAY)] == findings


def written(root: Path, text: str) -> Path:
    root.joinpath(ACCEPTED).parent.mkdir(parents=True)
    root.joinpath(ACCEPTED).write_text(text, encoding="utf-8")
    return root


def test_the_accepted_ones_are_read(tmp_path: Path) -> None:
    (entry,) = read_accepted(written(tmp_path, ENTRY))
    assert (entry.id, entry.until) == ("CVE-2026-1", date(2026, 12, 31))
    assert all(each.reason for each in read_accepted(ROOT))


@pytest.mark.parametrize(
    "text",
    [
        ENTRY.replace("until = 2026-12-31\n", ""),
        ENTRY.replace("2026-12-31", '"never"'),
        ENTRY.replace("never called", " "),
        ENTRY + 'severity = "low"\n',
        "[[accepted",
    ],
)
def test_an_entry_without_reason_or_day_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(AuditError, match=f"^{ACCEPTED}: "):
        read_accepted(written(tmp_path, text))


def test_what_a_python_needs_is_asked_for_whichever_runs_here() -> None:
    locked = [
        Requirement("both==1.0 ; python_full_version < '3.11'"),
        Requirement("both[fast]==2.0 ; python_full_version >= '3.11'"),
        Requirement("newest==1.0 ; python_version >= '3.13'"),
    ]
    assert pins_on("3.10", locked) == {("both", "1.0")}
    assert pins_on("3.13", locked) == {("both", "2.0"), ("newest", "1.0")}


def test_a_finding_is_one_line_whatever_its_file_is_called() -> None:
    (_, finding) = Check("secrets", "1 file", ("odd\n\x1b[2Jname\udcff ü.py:2: a kind",)).lines()
    assert ascii(finding) == ascii("  FOUND odd\\n\\x1b[2Jname\\udcff ü.py:2: a kind")
