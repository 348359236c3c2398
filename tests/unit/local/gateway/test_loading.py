import json
from pathlib import Path

import pytest

from local.gateway.loading import LoadError, load, load_initializer


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
        ("json:", "'json:' is not of the form"),
        (":dumps", "':dumps' is not of the form"),
        ("json:a.b", "'json:a.b' is not of the form"),
        (
            "json:dump_s",
            "json has no 'dump_s'; it has: JSONDecodeError, JSONDecoder, JSONEncoder, detect_encoding, dump",
        ),
        ("this.is.nowhere:handler", "cannot import this.is.nowhere: ModuleNotFoundError: No module named"),
        ("token:COMMENT", "token:COMMENT is of type int, not a function"),
        ("..json:dumps", "cannot import ..json: "),
    ],
)
def test_an_error_says_what_was_found(name: str, said: str) -> None:
    with pytest.raises(LoadError) as raised:
        load(name)
    assert str(raised.value).startswith(said)


def test_a_module_without_functions_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loading_empty.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LoadError, match="it has: no functions"):
        load("loading_empty:handler")


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


def test_initialize_beside_the_handler_is_the_initializer(module: str) -> None:
    assert load_initializer(f"{module}:handler", None) is load(f"{module}:initialize")


def test_another_initializer_can_be_named(module: str) -> None:
    assert load_initializer(f"{module}:handler", "json:dumps") is json.dumps


def test_there_may_be_no_initializer() -> None:
    assert load_initializer("json:dumps", None) is None


def test_a_named_initializer_must_exist(module: str) -> None:
    with pytest.raises(LoadError, match=r"it has: handler, initialize$"):
        load_initializer(f"{module}:handler", f"{module}:initialise")
