from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from local.package import PackageError
from local.package.bytecode import compile_folder


def test_bytecode_is_never_checked_against_its_source_and_names_the_deployed_place(tmp_path: Path) -> None:
    tmp_path.joinpath("module.py").write_text("def where():\n    return 1\n")
    compile_folder(tmp_path, sys.executable)
    cached = Path(importlib.util.cache_from_source(str(tmp_path / "module.py")))
    content = cached.read_bytes()
    # PEP 552: bit 0 says hash-based, bit 1 says check the source.
    assert int.from_bytes(content[4:8], "little") == 0b01
    assert b"/code/module.py" in content
    assert str(tmp_path).encode() not in content


def test_a_source_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    tmp_path.joinpath("broken.py").write_text("def (:\n")
    with pytest.raises(PackageError, match=r"(?s)bytecode:.*broken\.py"):
        compile_folder(tmp_path, sys.executable)
