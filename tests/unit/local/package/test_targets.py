from __future__ import annotations

import pytest

from local.package import TARGETS, PackageError
from local.package.targets import target_of


def test_wheels_of_every_manylinux_up_to_the_targets_glibc_load_there() -> None:
    platforms = TARGETS["python3.10"].platforms
    assert platforms[:2] == ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64")
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64"} <= set(platforms)
    assert "manylinux_2_29_x86_64" not in platforms
    assert TARGETS["python3.12"].platforms[0] == "manylinux_2_31_x86_64"


def test_a_target_is_named_as_pip_names_it() -> None:
    assert (TARGETS["python3.12"].python, TARGETS["python3.12"].abi) == ("3.12", "cp312")


def test_an_unknown_runtime_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(PackageError, match=r"unknown runtime 'python3.9', known are python3.12, python3.10"):
        target_of("python3.9")
