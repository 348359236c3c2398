"""The page's files: nothing of them comes from elsewhere, and both languages say all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

import local.console
from local.console.faults import FAULTS
from local.console.pages import page_file
from shared.invocation import Step

PAGE = Path(local.console.__file__).with_name("page")
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(PAGE.iterdir())}
INDEX = FILES["index.html"]
TEXTS: dict[str, dict[str, str]] = json.loads(FILES["texts.json"])
SCRIPTS = "".join(text for name, text in FILES.items() if name.endswith(".js"))
# What `ending` of detail.js adds to the pipeline of `local.explain`.
ENDINGS = set(re.findall(r'\{ name: "(\w+)"', SCRIPTS))
STEPS = {*get_args(Step), "event"} | ENDINGS


def used() -> set[str]:
    """Return the keys that the page asks for."""
    asked = re.findall(r'data-(?:text|label)="([^"]+)"', INDEX) + re.findall(r'\bt\(\s*"([^"]+)"', SCRIPTS)
    return {*asked, *(f"step.{step}" for step in STEPS)}


def test_both_languages_have_the_same_texts() -> None:
    assert list(TEXTS) == ["en", "zh"]
    assert list(TEXTS["en"]) == list(TEXTS["zh"])
    assert all(text.strip() for table in TEXTS.values() for text in table.values())


def test_every_text_is_used_and_none_is_missing() -> None:
    assert {"gateway", "replay", "claim", "call", "outcome"} == ENDINGS
    assert {f"fault.{name}" for name in FAULTS} <= used()
    assert set(TEXTS["en"]) == used()


def test_both_languages_have_the_same_gaps_to_fill() -> None:
    gaps = {
        language: {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in table.items()}
        for language, table in TEXTS.items()
    }
    assert gaps["en"] == gaps["zh"]


def test_the_page_is_in_english_before_its_texts_have_come() -> None:
    stands = dict(re.findall(r'data-text="([^"]+)"[^>]*>([^<]*)<', INDEX))
    labels = dict(re.findall(r'data-label="([^"]+)" aria-label="([^"]*)"', INDEX))
    assert {**stands, **labels} == {key: TEXTS["en"][key] for key in {*stands, *labels}}
    assert len(stands) == len(re.findall("data-text=", INDEX))
    assert len(labels) == len(re.findall("data-label=", INDEX))


def test_no_other_text_stands_in_the_page() -> None:
    translated = re.sub(r'(data-text="[^"]+"[^>]*>)[^<]*<', r"\1<", INDEX)
    words = re.sub(r"<(script|title|svg).*?</\1>|<[^>]+>", "", translated, flags=re.DOTALL)
    assert words.split() == ["mute-call", "0"]


def test_the_product_has_its_name_in_chinese() -> None:
    assert TEXTS["zh"]["ccc"] == "云联络中心"
    assert "云呼叫中心" not in FILES["texts.json"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_no_address_of_elsewhere(name: str) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+", re.sub(r"(?m)^\s*// .*|; // .*", "", FILES[name])))
    assert addresses <= {"http://www.w3.org"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_no_markup_that_runs_and_no_text_that_becomes_markup(name: str) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", FILES[name])
    assert not re.search(r"<script(?! type=\"module\" src=)|<style|\sstyle=|\son\w+=", FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_served_under_a_policy(name: str) -> None:
    answer = page_file(name)
    assert answer is not None
    assert answer.body.decode() == FILES[name]
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["", ".", "..", "../console.py", "page", "/etc/passwd", "style.css/", "%2e%2e"])
def test_nothing_else_is_a_file(name: str) -> None:
    assert page_file(name) is None
