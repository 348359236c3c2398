from __future__ import annotations

import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.licenses import canonicalize_license_expression

from local.locks import FUNCTION, read_lock
from local.package.components import EXCEPTIONS, Component, read_components

ROOT = Path(__file__).parents[4]


def add_distribution(
    folder: Path, name: str, *fields: str, version: str = "1.0", files: Mapping[str, bytes] | None = None
) -> Path:
    info = folder / f"{name}-{version}.dist-info"
    head = ("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}")
    contents = {"METADATA": "\n".join([*head, *fields, ""]).encode(), **(files or {})}
    for file, content in contents.items():
        path = info / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines = [f"{name}/LICENSE.py,,", *(f"{info.name}/{file},," for file in [*contents, "RECORD"])]
    info.joinpath("RECORD").write_text("\n".join(lines))
    return info


def read_one(folder: Path) -> Component:
    (component,) = read_components(folder)
    return component


def test_components_are_sorted_by_their_canonical_names(tmp_path: Path) -> None:
    add_distribution(tmp_path, "zope.interface", version="7.0")
    add_distribution(tmp_path, "Typing_Extensions", version="4.1")
    assert [(component.name, component.version) for component in read_components(tmp_path)] == [
        ("typing-extensions", "4.1"),
        ("zope-interface", "7.0"),
    ]


def test_a_package_url_escapes_what_has_a_meaning_in_urls(tmp_path: Path) -> None:
    add_distribution(tmp_path, "Some_Library", version="1.0+local")
    assert read_one(tmp_path).purl == "pkg:pypi/some-library@1.0%2Blocal"


def test_only_the_names_asked_for_are_kept_however_they_are_spelled(tmp_path: Path) -> None:
    for name in ("one", "two_parts", "three"):
        add_distribution(tmp_path, name)
    names = (name for name in ("Two.Parts", "three", "absent"))
    assert [component.name for component in read_components(tmp_path, names)] == ["three", "two-parts"]
    assert read_components(tmp_path, []) == []


def test_a_distribution_whose_files_were_taken_out_is_none(tmp_path: Path) -> None:
    info = add_distribution(tmp_path, "dropped")
    add_distribution(tmp_path, "kept")
    for path in info.iterdir():
        path.unlink()
    assert [component.name for component in read_components(tmp_path)] == ["kept"]


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        (["License-Expression: apache-2.0 and MIT"], "Apache-2.0 AND MIT"),
        (["License: BSD", "License-Expression: MIT"], "MIT"),
        (["License-Expression: no expression", "License: MIT"], "MIT"),
        (["License: PSF-2.0"], "PSF-2.0"),
        (["License: Apache License 2.0"], "Apache-2.0"),
        (["License: apache 2"], "Apache-2.0"),
        (["License: BSD", "Classifier: License :: OSI Approved :: ISC License (ISCL)"], "ISC"),
        (["Classifier: Topic :: Software Development", "Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (["Classifier: License :: OSI Approved :: BSD License"], None),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: Apache Software License",
            ],
            None,
        ),
        (["License: UNKNOWN"], None),
        ([], None),
    ],
)
def test_the_metadata_tell_the_licence(tmp_path: Path, fields: list[str], licence: str | None) -> None:
    add_distribution(tmp_path, "library", *fields)
    assert read_one(tmp_path).licence == licence


def test_an_exception_by_name_precedes_the_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXCEPTIONS, "some-library", "0BSD")
    add_distribution(tmp_path, "Some_Library", "License: MIT")
    assert read_one(tmp_path).licence == "0BSD"


def test_exceptions_are_canonical() -> None:
    assert {name: canonicalize_license_expression(licence) for name, licence in EXCEPTIONS.items()} == EXCEPTIONS


@pytest.mark.parametrize("folder", ["", "licenses/"])
def test_the_listed_texts_are_read_from_either_place(tmp_path: Path, folder: str) -> None:
    files = {f"{folder}{name}": name.encode() for name in ("vendor/LICENSE", "AUTHORS", "COPYING")}
    listed = [f"License-File: {name}" for name in ("vendor/LICENSE", "AUTHORS", "absent")]
    add_distribution(tmp_path, "library", *listed, files=files)
    assert read_one(tmp_path).licence_texts == (("AUTHORS", "AUTHORS"), ("vendor/LICENSE", "vendor/LICENSE"))


@pytest.mark.parametrize("fields", [[], ["License-File: absent"]])
def test_without_a_list_that_holds_texts_are_found_by_their_names(tmp_path: Path, fields: list[str]) -> None:
    texts = ("COPYING.txt", "LICENCE", "LICENSE.md", "NOTICE", "licenses/deep/MIT")
    others = ("top_level.txt", "sboms/LICENSE.json", "UNLICENSED")
    add_distribution(tmp_path, "library", *fields, files=dict.fromkeys([*texts, *others], b"text"))
    assert [name for name, _ in read_one(tmp_path).licence_texts] == [
        "COPYING.txt",
        "LICENCE",
        "LICENSE.md",
        "NOTICE",
        "deep/MIT",
    ]


def test_a_text_of_another_encoding_and_system_is_read(tmp_path: Path) -> None:
    add_distribution(tmp_path, "library", files={"LICENSE": "© Jörg\r\nMIT\r\n".encode("latin-1")})
    assert read_one(tmp_path).licence_texts == (
        ("LICENSE", "\N{REPLACEMENT CHARACTER} J\N{REPLACEMENT CHARACTER}rg\nMIT\n"),
    )


def test_every_locked_distribution_has_its_licence() -> None:
    locked = [requirement.name for requirement in read_lock(ROOT / FUNCTION)]
    found = {each.name: each.licence for each in read_components(Path(sysconfig.get_path("purelib")), locked)}
    assert {"alibabacloud-tea-openapi", "certifi", "pydantic", "urllib3"} <= set(found)
    assert [name for name, licence in found.items() if not licence] == []
