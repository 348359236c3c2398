"""What the scan finds. Whatever looks real is put together here: this file is scanned, too."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from local.audit.check import AuditError, Check
from local.audit.secrets import BASELINE, Find, check_secrets, made_up, scan

ROOT = Path(__file__).parents[4]
BASE: dict[str, Any] = json.loads(ROOT.joinpath(BASELINE).read_text(encoding="utf-8"))
VERIFICATION = "detect_secrets.filters.common.is_ignored_due_to_verification_policies"


def random_looking(length: int) -> str:
    digest = hashlib.sha512(str(length).encode()).digest()
    return base64.urlsafe_b64encode(digest + digest).decode()[:length]


HEX = hashlib.sha256(b"made up").hexdigest()
TOKEN = random_looking(43)
REAL = {
    "an access key": "LTA" + f"I5t{HEX[:20]}",
    "a temporary access key": "ST" + f"S.NU{HEX[:22]}",
    "a security token": "CAI" + f"S{HEX}{HEX}==",
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "a token of Slack": "xox" + f"b-123456789012-123456789012-{HEX[:24]}",
    "a key of Stripe": "sk_" + f"live_{HEX[:24]}",
    "an account of Twilio": "AC" + HEX[:32],
    "a token of GitHub": "gh" + f"p_{HEX[:36]}",
    "a variable of a shell": f"export MUTE_CALL_TOKEN={TOKEN}",
    "a variable of s.yaml": f"        MUTE_CALL_TOKEN: {TOKEN}",
    "a variable of s.yaml, in hexadecimal digits": f"        CRM_SECRET_PREVIOUS: {HEX}",
    "a constant": f'_SECRET = "{TOKEN}"',
    "any long literal": f'value = "{random_looking(60)}"',
    "an entry of JSON": f'{{"password": "{random_looking(24)}"}}',
    "a token in a command": f"curl -H 'Authorization: Bearer {TOKEN}'",
    "a password in a URL": "redis://" + f":{TOKEN[:12]}@redis.internal:6379/0",
}
HARMLESS = (
    "MUTE_CALL_TOKEN: ${env('MUTE_CALL_TOKEN')}",
    "MUTE_CALL_TOKEN: ${secret('MUTE_CALL_TOKEN')}",
    's secret add --key MUTE_CALL_TOKEN --value "$MUTE_CALL_TOKEN" -f',
    'auth = { scheme = "bearer", secrets = ["env:MUTE_CALL_TOKEN"] }',
    'TOKEN = "correct-token-of-the-test"',
    "export MUTE_CALL_TOKEN=demo-token",
    'secrets = configuration.secrets_of(name, caller, self._environ)["default"]',
    'export AUTH="Authorization: Bearer $MUTE_CALL_TOKEN"',
    "STS.local",
    f"    --hash=sha256:{HEX}",
)


def scanned(tmp_path: Path, line: str, name: str, head: str = "first: 1") -> dict[Find, int]:
    tmp_path.joinpath("local/audit").mkdir(parents=True)
    detectors = ROOT.joinpath("local/audit/detectors.py").read_text(encoding="utf-8")
    tmp_path.joinpath("local/audit/detectors.py").write_text(detectors, encoding="utf-8")
    tmp_path.joinpath(name).write_text(f"{head}\n{line}\n", encoding="utf-8")
    return scan(tmp_path, [name], BASE)


@pytest.mark.parametrize("line", REAL.values(), ids=REAL)
@pytest.mark.parametrize("name", ["notes.md", "code.py", "s.yaml"])
def test_what_looks_real_is_found_in_its_line(tmp_path: Path, line: str, name: str) -> None:
    assert set(scanned(tmp_path, line, name).values()) == {2}


@pytest.mark.parametrize(("name", "head"), [("code.py", "x = 1"), ("s.yaml", "x: one"), ("callers.toml", "[x]\ny = 1")])
def test_a_comment_is_read_as_well(tmp_path: Path, name: str, head: str) -> None:
    lines = head.count("\n") + 2
    assert set(scanned(tmp_path, f"# {REAL['an access key']}", name, head).values()) == {lines}


@pytest.mark.parametrize("line", [REAL["an access key"], f'key = "{TOKEN}"'])
@pytest.mark.parametrize("name", ["notes.txt", "s.yaml"])
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "gbk"])
def test_a_file_in_another_encoding_is_read_as_well(tmp_path: Path, line: str, name: str, encoding: str) -> None:
    scanned(tmp_path, "", name)
    tmp_path.joinpath(name).write_text(f"# ü\n{line}\n", encoding=encoding)
    assert set(scan(tmp_path, [name], BASE).values()) == {2}


def test_bytes_that_are_no_text_are_read_as_well(tmp_path: Path) -> None:
    scanned(tmp_path, "", "data.bin")
    tmp_path.joinpath("data.bin").write_bytes(b"\xff\xfe\0 " + REAL["an access key"].encode() + b" \x81")
    assert set(scan(tmp_path, ["data.bin"], BASE).values()) == {1}


@pytest.mark.parametrize("line", HARMLESS)
def test_a_reference_or_a_word_is_no_find(tmp_path: Path, line: str) -> None:
    assert scanned(tmp_path, line, "notes.md") == {}


def test_a_line_can_be_excused_where_it_stands(tmp_path: Path) -> None:
    assert scanned(tmp_path, f'_SECRET = "{TOKEN}"  # pragma: allowlist secret', "code.py") == {}


def entry(find: Find, **more: object) -> dict[str, Any]:
    return {"type": find.kind, "filename": find.file, "hashed_secret": find.hash, **more}


@pytest.mark.parametrize(("review", "count"), [({"is_secret": False}, 0), ({"is_secret": True}, 1), ({}, 1)])
def test_an_entry_counts_once_it_is_reviewed_and_wherever_its_line_has_moved(
    tmp_path: Path, review: dict[str, bool], count: int
) -> None:
    ((find, _),) = scanned(tmp_path, f"export KEY_TOKEN={TOKEN}", "notes.md").items()
    results = {"notes.md": [entry(find, line_number=7, **review)]}
    tmp_path.joinpath(BASELINE).write_text(json.dumps(BASE | {"results": results}), encoding="utf-8")
    tmp_path.joinpath(".gitignore").touch()
    check = check_secrets(tmp_path)
    assert list(check.findings) == ["notes.md:2: Assigned Token"] * count
    assert TOKEN not in str(check)


def test_a_finding_is_one_line_whatever_its_file_is_called() -> None:
    (_, finding) = Check("secrets", "1 file", ("odd\n\x1b[2Jname\udcff ü.py:2: a kind",)).lines()
    assert ascii(finding) == ascii("  FOUND odd\\n\\x1b[2Jname\\udcff ü.py:2: a kind")


def test_the_same_text_in_another_file_is_a_finding(tmp_path: Path) -> None:
    ((find, _),) = scanned(tmp_path, f"export KEY_TOKEN={TOKEN}", "notes.md").items()
    assert find._replace(file="s.yaml") not in made_up({"results": {"notes.md": [entry(find, is_secret=False)]}})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no json", "no JSON"),
        ("{}", "without plugins_used, filters_used, results"),
        (json.dumps(BASE | {"filters_used": [{"path": VERIFICATION, "min_level": 2}]}), "--no-verify"),
    ],
)
def test_a_baseline_that_cannot_be_used_is_an_error(tmp_path: Path, text: str, told: str) -> None:
    tmp_path.joinpath(BASELINE).write_text(text, encoding="utf-8")
    with pytest.raises(AuditError, match=told):
        check_secrets(tmp_path)


def test_every_entry_of_the_baseline_is_reviewed() -> None:
    entries = [entry for entries in BASE["results"].values() for entry in entries]
    assert [entry for entry in entries if entry.get("is_secret") is not False] == []
