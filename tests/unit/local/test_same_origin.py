from __future__ import annotations

import pytest

from local.same_origin import is_foreign


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:9000", ""),
        ("localhost", ""),
        ("LOCALHOST:9001", ""),
        ("[::1]:9000", ""),
        ("", ""),
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("localhost:9000", "http://LOCALHOST:9000"),
    ],
)
def test_programs_of_this_machine_and_its_own_pages_are_not_foreign(host: str, origin: str) -> None:
    assert not is_foreign(host, origin)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example", ""),
        ("evil.example:9000", "http://evil.example:9000"),
        ("127.0.0.1.evil.example", ""),
        ("127.0.0.1:9000,evil.example", ""),
        ("127.0.0.1:9000\n", ""),
        ("127.0.0.1:9000", "http://evil.example"),
        ("127.0.0.1:9000", "null"),
        ("127.0.0.1:9000", "http://127.0.0.1:8000"),
        ("127.0.0.1:9000", "https://127.0.0.1:9000"),
    ],
)
def test_a_page_of_elsewhere_is_foreign(host: str, origin: str) -> None:
    # A name that leads here (DNS rebinding), or a page under its own.
    assert is_foreign(host, origin)
