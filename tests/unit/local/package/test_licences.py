from __future__ import annotations

from pathlib import Path

import pytest

from local.package import PackageError
from local.package.components import Component
from local.package.licences import write_licences

COMPONENTS = [
    Component("one", "1.0", "Apache-2.0 AND MIT", (("LICENSE", "\n\n  Apache ©\n"), ("vendor/LICENSE", "MIT"))),
    Component("two", "2.0", "Apache-2.0", ()),
    Component("three", "3.0", "MIT", (("COPYING", "MIT\n\nas it is\n"),)),
]


def test_each_component_stands_there_with_its_licence_and_the_texts(tmp_path: Path) -> None:
    path = tmp_path / "licences.txt"
    write_licences(path, COMPONENTS)
    assert path.read_text(encoding="utf-8") == (
        "one 1.0: Apache-2.0 AND MIT\n"
        "===========================\n"
        "\n"
        "LICENSE\n"
        "-------\n"
        "\n"
        "  Apache ©\n"
        "\n"
        "vendor/LICENSE\n"
        "--------------\n"
        "\n"
        "MIT\n"
        "\n"
        "two 2.0: Apache-2.0\n"
        "===================\n"
        "\n"
        "(ships no text of its licence)\n"
        "\n"
        "three 3.0: MIT\n"
        "==============\n"
        "\n"
        "COPYING\n"
        "-------\n"
        "\n"
        "MIT\n"
        "\n"
        "as it is\n"
    )


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("first.txt", "second.txt")]
    for path in paths:
        write_licences(path, COMPONENTS)
    first, second = (path.read_bytes() for path in paths)
    assert first == second


def test_components_without_a_licence_are_named_with_what_to_do(tmp_path: Path) -> None:
    unknown = [Component(name, "4.0", None, (("LICENSE", "Do as you like"),)) for name in ("four", "five")]
    path = tmp_path / "licences.txt"
    with pytest.raises(PackageError, match=r"four 4.0, five 4.0: .*EXCEPTIONS in local/package/components.py"):
        write_licences(path, [*COMPONENTS, *unknown])
    assert not path.exists()
