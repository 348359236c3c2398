import json
from pathlib import Path

import pytest

from local.gateway.instance import LoadError, load, load_initializer, serialise


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module of its own for each test, with a handler and an initializer."""
    name = f"loading_{request.node.name.partition('[')[0]}"
    (tmp_path / f"{name}.py").write_text(
        "def handler(event, context): ...\ndef initialize(context): ...\n_hidden = len\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_function_is_found_by_its_name() -> None:
    assert load("json:dumps") is json.dumps


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("json", "'json' is not of the form module:attribute"),
        (":dumps", "':dumps' is not of the form"),
        ("json:a.b", "'json:a.b' is not of the form"),
        (
            "json:dump_s",
            "json has no 'dump_s'; it has: JSONDecodeError, JSONDecoder, JSONEncoder, detect_encoding, dump",
        ),
        ("this.is.nowhere:handler", "cannot import this.is.nowhere: ModuleNotFoundError: No module named"),
        ("token:COMMENT", "token:COMMENT is of type int, not a function"),
    ],
)
def test_an_error_says_what_was_found(name: str, said: str) -> None:
    with pytest.raises(LoadError) as raised:
        load(name)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("source", "said"),
    [("raise SystemExit(3)", "SystemExit: 3"), ("raise OSError('a\\nb')", "OSError: a b"), ("1 +", "SyntaxError: ")],
)
def test_a_module_that_fails_says_why_on_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    (tmp_path / "loading_broken.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LoadError) as raised:
        load("loading_broken:handler")
    assert str(raised.value).startswith(f"cannot import loading_broken: {said}")
    assert "\n" not in str(raised.value)


def test_the_initializer_is_the_one_named_or_the_one_beside_the_handler_if_any(module: str) -> None:
    assert load_initializer(f"{module}:handler", None) is load(f"{module}:initialize")
    assert load_initializer(f"{module}:handler", "json:dumps") is json.dumps
    assert load_initializer("json:dumps", None) is None
    with pytest.raises(LoadError, match=r"it has: handler, initialize$"):
        load_initializer(f"{module}:handler", f"{module}:initialise")


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        ("静音", "静音".encode()),
        (b"\xff", b"\xff"),
        (None, b"null"),
        ({"a": 1}, b'{"a": 1}'),
        (["a"], b'["a"]'),
        (1, b"1"),
    ],
)
def test_results_are_serialised(value: object, payload: bytes) -> None:
    assert serialise(value) == payload


def test_a_result_that_json_cannot_hold_raises() -> None:
    with pytest.raises(TypeError):
        serialise({"body": b"bytes"})
