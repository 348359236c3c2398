from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from local.package import PackageError
from local.package.bill import write_bill, write_licences
from local.package.components import Component

SHA256 = hashlib.sha256(b"zip").hexdigest()
COMPONENTS = [
    Component("cryptography", "50.0.2", "Apache-2.0 OR BSD-3-Clause", ()),
    Component("library", "1.0+local", None, ()),
    Component("urllib3", "2.8.0", "MIT", (("LICENSE", "Permission is hereby granted"),)),
]


def write(path: Path, *, components: Sequence[Component] = COMPONENTS, archive_sha256: str = SHA256) -> bytes:
    write_bill(
        path,
        application="greet",
        version="1.2.3",
        runtime="python3.12",
        components=components,
        archive_sha256=archive_sha256,
    )
    return path.read_bytes()


@pytest.fixture
def bill(tmp_path: Path) -> Any:
    return json.loads(write(tmp_path / "bill.json"))


@pytest.mark.parametrize("components", [COMPONENTS, []])
def test_it_is_valid(tmp_path: Path, components: list[Component]) -> None:
    text = write(tmp_path / "bill.json", components=components).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert json.loads(text)["specVersion"] == "1.6"


def test_it_is_about_the_zip(bill: Any) -> None:
    assert bill["metadata"]["component"] == {
        "bom-ref": "greet@1.2.3",
        "type": "application",
        "name": "greet",
        "version": "1.2.3",
        "hashes": [{"alg": "SHA-256", "content": SHA256}],
        "properties": [{"name": "greet:runtime", "value": "python3.12"}],
    }


def test_it_lists_each_component_with_what_is_known_of_its_licence(bill: Any) -> None:
    assert [(entry["type"], entry["name"], entry["version"], entry["purl"]) for entry in bill["components"]] == [
        ("library", "cryptography", "50.0.2", "pkg:pypi/cryptography@50.0.2"),
        ("library", "library", "1.0+local", "pkg:pypi/library@1.0%2Blocal"),
        ("library", "urllib3", "2.8.0", "pkg:pypi/urllib3@2.8.0"),
    ]
    licences = [[licence["expression"] for licence in entry.get("licenses", [])] for entry in bill["components"]]
    assert licences == [["Apache-2.0 OR BSD-3-Clause"], [], ["MIT"]]


def test_the_application_depends_on_all(bill: Any) -> None:
    graph = {node["ref"]: node.get("dependsOn", []) for node in bill["dependencies"]}
    assert graph["greet@1.2.3"] == [component.purl for component in COMPONENTS]


def test_the_same_input_gives_the_same_bytes_in_whatever_order(tmp_path: Path) -> None:
    first = write(tmp_path / "first.json")
    assert write(tmp_path / "second.json") == first
    assert write(tmp_path / "third.json", components=COMPONENTS[::-1]) == first
    assert json.loads(first)["metadata"]["timestamp"] == "1980-01-01T00:00:00+00:00"


def test_another_zip_has_another_serial_number(bill: Any, tmp_path: Path) -> None:
    other = json.loads(write(tmp_path / "other.json", archive_sha256=hashlib.sha256(b"other").hexdigest()))
    assert other["serialNumber"] != bill["serialNumber"]


def test_the_licences_are_listed_with_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "licences.txt"
    write_licences(
        path, [Component("one", "1.0", "MIT", (("LICENSE", "\n\n  MIT ©\n"),)), Component("two", "2.0", "ISC", ())]
    )
    assert path.read_text(encoding="utf-8") == (
        "one 1.0: MIT\n============\n\nLICENSE\n-------\n\n  MIT ©\n\n"
        "two 2.0: ISC\n============\n\n(ships no text of its licence)\n"
    )


def test_components_without_a_licence_are_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "licences.txt"
    with pytest.raises(PackageError, match=r"library 1.0\+local: .*EXCEPTIONS in local/package/components.py"):
        write_licences(path, COMPONENTS)
    assert not path.exists()
