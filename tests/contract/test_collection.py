"""docs/http: the files are what `make collection` writes, and its README names what is in them."""

from __future__ import annotations

import json
import re

import pytest

from local.collection.__main__ import FOLDER, files
from tests.contract.documents import read, tables

DOCUMENT = read("docs/http/README.md")


@pytest.mark.parametrize("name", files())
def test_a_file_is_what_would_be_written(name: str) -> None:
    assert read(f"{FOLDER}/{name}") == files()[name], "make collection"


def test_the_readme_names_every_file_and_every_variable() -> None:
    assert [name for name in files() if f"[{name}]({name})" not in DOCUMENT] == []
    (environment,) = (json.loads(text) for name, text in files().items() if "environment" in name)
    told = re.findall(r"\w+", " ".join(row[0] for row in tables(DOCUMENT)["variable"]))
    assert sorted(told) == sorted(value["key"] for value in environment["values"])
    assert f"`{environment['name']}`" in DOCUMENT
