from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from local.audit.accepted import FILE, Accepted, expired, read_accepted
from local.audit.check import AuditError

ROOT = Path(__file__).parents[4]
ENTRY = '[[accepted]]\npackage = "greeter"\nid = "CVE-2026-1"\nreason = "never called"\nuntil = 2026-12-31\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_file_of_the_repository_can_be_read() -> None:
    assert all(isinstance(each, Accepted) for each in read_accepted(ROOT))


def test_an_entry_covers_any_id_of_its_package_in_any_spelling(tmp_path: Path) -> None:
    (entry,) = read_accepted(written(tmp_path, ENTRY))
    assert entry.covers("Greeter", ("PYSEC-2026-7", "CVE-2026-1"))
    assert not entry.covers("greeter", ("CVE-2026-2",))
    assert not entry.covers("other", ("CVE-2026-1",))


@pytest.mark.parametrize(("today", "count"), [(date(2026, 12, 30), 0), (date(2026, 12, 31), 1), (date(2027, 1, 1), 1)])
def test_an_entry_has_expired_from_its_day_on(tmp_path: Path, today: date, count: int) -> None:
    assert len(expired(read_accepted(written(tmp_path, ENTRY)), today)) == count


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
    with pytest.raises(AuditError, match=r"^local/audit/accepted.toml: "):
        read_accepted(written(tmp_path, text))
