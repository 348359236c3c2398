from __future__ import annotations

from pathlib import Path

import pytest

from local.audit.licences import check_licences, is_allowed, unfit
from local.package.components import Component


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MPL-2.0", True),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("LicenseRef-Proprietary", False),
        ("Apache-2.0 AND MIT", True),
        ("MIT AND GPL-2.0-only", False),
        ("GPL-2.0-only AND MIT", False),
        ("GPL-2.0-only OR MIT", True),
        ("MIT OR GPL-2.0-only", True),
        ("GPL-2.0-only OR LGPL-3.0-only", False),
        ("MIT AND GPL-2.0-only OR LGPL-3.0-only", False),
        ("GPL-2.0-only OR MIT AND ISC", True),
        ("MIT AND (GPL-2.0-only OR BSD-3-Clause)", True),
        ("(MIT OR GPL-2.0-only) AND GPL-3.0-only", False),
        # Another licence than the one without it.
        ("Apache-2.0 WITH LLVM-exception", False),
        ("MIT OR GPL-2.0-only WITH Classpath-exception-2.0", True),
    ],
)
def test_an_expression_is_allowed_if_it_leaves_a_way_under_allowed_licences(expression: str, *, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_what_is_unknown_or_not_allowed_is_named_with_its_licence() -> None:
    components = [
        Component("fine", "1.0", "MIT", ()),
        Component("strict", "2.0", "GPL-3.0-only", ()),
        Component("silent", "3.0", None, ()),
    ]
    assert unfit(components) == ["strict 2.0: GPL-3.0-only", "silent 3.0: licence unknown"]


def test_only_what_is_locked_is_checked_and_what_is_not_installed_is_said_so(tmp_path: Path) -> None:
    for name, licence in (("locked", "GPL-3.0-only"), ("other", "AGPL-3.0-only")):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
        )
    check = check_licences(["locked==1.0 --hash=sha256:0", "absent==2.0 --hash=sha256:0"], tmp_path)
    assert check.findings == ("locked 1.0: GPL-3.0-only",)
    assert "not checked: absent" in check.summary


def test_everything_locked_for_the_function_is_allowed() -> None:
    root = Path(__file__).parents[4]
    names = [
        line.partition(" ")[0]
        for line in root.joinpath("requirements/function.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    ]
    check = check_licences(names)
    assert check.findings == ()
    assert not check.summary.startswith("0 ")
