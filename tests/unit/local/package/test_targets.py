from __future__ import annotations

import pytest

from local.package import TARGETS, PackageError
from local.package.targets import target_of


def test_a_target_is_named_as_uv_names_it() -> None:
    new = TARGETS["python3.12"]
    assert (new.python, new.platform, new.environment["python_version"]) == ("3.12", "x86_64-manylinux_2_31", "3.12")


def test_an_unknown_runtime_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(PackageError, match=r"unknown runtime 'python3.9', known are python3.12, python3.10"):
        target_of("python3.9")
