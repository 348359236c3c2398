from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from shared.clients import import_stubs

# A library that imports what a request never uses, at its top and in every way a module's top level can.
LIBRARY = """
import heavy.http
import heavy.deep.inside as inside
from heavy import Session, codes
from heavy.keys import load
from steady import WORD

DEFAULT = Session(pool=10).with_retries(codes.OK)
KINDS = {load: "key"}

class Adapter(heavy.http.Adapter):
    name = "adapter"

@heavy.http.wrapped
class Wrapped:
    pass

def light(answer: heavy.http.Response | None = None):
    return WORD
"""
USES = {
    "heavy.http.get": "heavy.http.get()",
    "heavy.Session": "Session()",
    "heavy.codes.OK": "codes.OK",
    "heavy.http.Adapter": "Adapter()",
    "heavy.Session().with_retries()": "DEFAULT.send()",
    "heavy.keys.load": "isinstance('text', load)",
    "heavy.deep.inside.value": "inside.value",
    "heavy.http.wrapped()": "Wrapped()",
}


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no module of these tests behind."""
    before = set(sys.modules)
    yield
    monkeypatch.undo()
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The library, imported without `heavy`, of which there is a real one that tells when it is loaded."""
    for name, text in {"library": LIBRARY, "steady": "WORD = 'light'", "heavy": "LOADED = True"}.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with import_stubs.without("heavy"):
        import library  # type: ignore[import-not-found]  # noqa: PLC0415 - made above
    found: ModuleType = library
    return found


def test_the_rest_of_the_library_works(library: ModuleType) -> None:
    assert library.light() == "light"
    assert library.Adapter.name == "adapter"


@pytest.mark.parametrize(("name", "use"), USES.items())
def test_every_use_afterwards_is_an_error_that_names_it(library: ModuleType, name: str, use: str) -> None:
    with pytest.raises(
        import_stubs.AbsentError, match=rf"^{name.replace('(', '[(]').replace(')', '[)]')}.* is used"
    ) as raised:
        eval(use, vars(library))  # noqa: S307 - one of the table above
    assert raised.value.name is not None
    assert raised.value.name.startswith(name)


def test_asking_for_what_a_module_may_lack_is_no_use(library: ModuleType) -> None:
    assert getattr(library.Session, "__wrapped__", None) is None
    assert getattr(library.heavy, "__version__", None) is None


def test_whoever_imports_it_outside_the_block_gets_the_real_one(library: ModuleType) -> None:
    import heavy  # type: ignore[import-not-found]  # noqa: PLC0415 - made above

    assert heavy.LOADED
    assert library.heavy is not heavy


def test_a_real_one_that_is_loaded_already_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("heavy", "heavy.http", "heavyweight"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    before = {name: sys.modules[name] for name in ("heavy", "heavy.http", "heavyweight")}
    (tmp_path / "borrower.py").write_text("import heavy, heavyweight", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with import_stubs.without("heavy"):
        import borrower  # type: ignore[import-not-found]  # noqa: PLC0415 - made above
    assert {name: sys.modules[name] for name in before} == before
    assert borrower.heavy is not before["heavy"]
    assert borrower.heavyweight is before["heavyweight"]


def test_an_import_that_fails_leaves_no_stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finders = list(sys.meta_path)
    (tmp_path / "broken.py").write_text("import heavy.http\nraise RuntimeError", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError), import_stubs.without("heavy"):
        import broken  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - made above
    assert sys.meta_path == finders
    assert not [name for name in sys.modules if name.startswith("heavy")]
