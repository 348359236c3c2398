from __future__ import annotations

from pathlib import Path

import pytest

from local.audit.licences import check_licences
from local.audit.tools import AuditError

ROOT = Path(__file__).parents[4]
LOCK = ROOT.joinpath("requirements/function.txt").read_text(encoding="utf-8")

pytestmark = pytest.mark.slow


def allowing(root: Path, settings: str) -> Path:
    root.joinpath("requirements").mkdir()
    root.joinpath("requirements/function.txt").write_text(LOCK, encoding="utf-8")
    root.joinpath("pyproject.toml").write_text(f"[tool.pip-licenses]\n{settings}\n", encoding="utf-8")
    return root


def test_everything_locked_for_the_function_is_allowed() -> None:
    assert check_licences(ROOT).findings == ()


def test_what_is_not_allowed_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check_licences(allowing(tmp_path, 'allow-only = "GPL-3.0-only"')).findings
    assert "allow-only" in finding


def test_a_tool_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"^pip-licenses: "):
        check_licences(allowing(tmp_path, 'format = "none such"'))
