"""What the scan finds. Whatever looks real is put together here: this file is scanned, too."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.audit.secrets import BASELINE, check_secrets
from local.audit.tools import AuditError

ROOT = Path(__file__).parents[4]
BASE: dict[str, Any] = json.loads(ROOT.joinpath(BASELINE).read_text(encoding="utf-8"))
DETECTORS = "local/audit/detectors.py"
GIT = shutil.which("git")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(GIT is None, reason="needs git")]


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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with nothing in it but what detects."""
    subprocess.run([str(GIT), "init", "-q"], cwd=tmp_path, check=True)  # noqa: S603 - of the machine
    tmp_path.joinpath(DETECTORS).parent.mkdir(parents=True)
    shutil.copyfile(ROOT / DETECTORS, tmp_path / DETECTORS)
    shutil.copyfile(ROOT / ".gitignore", tmp_path / ".gitignore")
    write_baseline(tmp_path)
    return tmp_path


def write_baseline(root: Path, **results: list[dict[str, Any]]) -> None:
    root.joinpath(BASELINE).write_text(json.dumps(BASE | {"results": results}), encoding="utf-8")


def places(root: Path) -> set[str]:
    """Return file and line of each finding."""
    findings = check_secrets(root).findings
    assert TOKEN not in str(findings)
    return {":".join(finding.split(":")[:2]) for finding in findings}


def test_what_looks_real_is_found_in_its_line_in_any_kind_of_file(root: Path) -> None:
    expected = set()
    for number, line in enumerate(REAL.values()):
        for suffix in ("md", "py", "yaml"):
            root.joinpath(f"{number}.{suffix}").write_text(f"first: 1\n{line}\n", encoding="utf-8")
            expected.add(f"{number}.{suffix}:2")
    assert places(root) == expected


def test_a_comment_is_searched_as_well(root: Path) -> None:
    for name, before in {"code.py": "x = 1", "s.yaml": "x: one", "callers.toml": "[x]"}.items():
        root.joinpath(name).write_text(f"{before}\n# {REAL['an access key']}\n", encoding="utf-8")
    assert places(root) == {"code.py:2", "s.yaml:2", "callers.toml:2"}


def test_a_file_in_another_encoding_is_a_finding(root: Path) -> None:
    root.joinpath("notes.txt").write_text(f"ü {REAL['an access key']}\n", encoding="utf-16")
    assert check_secrets(root).findings == ("notes.txt: not in UTF-8, so it cannot be searched",)


def test_what_is_harmless_excused_ignored_or_deleted_is_no_finding(root: Path) -> None:
    excused = f'_SECRET = "{TOKEN}"  # pragma: allowlist secret\n# {TOKEN}: token={TOKEN}  # pragma: allowlist secret'
    root.joinpath("notes.md").write_text("\n".join([*HARMLESS, excused]), encoding="utf-8")
    root.joinpath(".gitignore").write_text("dist/\n")
    root.joinpath("dist").mkdir()
    root.joinpath("dist/built.md").write_text(REAL["an access key"])
    root.joinpath("gone.md").write_text(REAL["an access key"])
    subprocess.run([str(GIT), "add", "gone.md"], cwd=root, check=True)  # noqa: S603 - of the machine
    root.joinpath("gone.md").unlink()
    assert places(root) == set()


def test_an_entry_of_the_baseline_excuses_a_find_in_its_file_wherever_its_line_has_moved(root: Path) -> None:
    entry = {"type": "Assigned Token", "hashed_secret": hashlib.sha1(TOKEN.encode()).hexdigest(), "line_number": 7}  # noqa: S324 - detect-secrets' own
    write_baseline(root, **{"notes.md": [entry | {"filename": "notes.md", "is_secret": False}]})
    before = root.joinpath(BASELINE).read_bytes()
    for name in ("notes.md", "other.md"):
        root.joinpath(name).write_text(f"one\nexport KEY_TOKEN={TOKEN}\n", encoding="utf-8")
    assert places(root) == {"other.md:2"}
    root.joinpath("other.md").unlink()
    assert places(root) == set()
    assert root.joinpath(BASELINE).read_bytes() == before


@pytest.mark.parametrize("text", ["no json", "{}"])
def test_a_baseline_that_cannot_be_used_is_an_error(root: Path, text: str) -> None:
    root.joinpath(BASELINE).write_text(text, encoding="utf-8")
    with pytest.raises(AuditError, match=r"^detect-secrets-hook: "):
        check_secrets(root)


def test_every_entry_of_the_baseline_is_reviewed() -> None:
    entries = [entry for entries in BASE["results"].values() for entry in entries]
    assert [entry for entry in entries if entry.get("is_secret") is not False] == []
