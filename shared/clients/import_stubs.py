"""Imports that a cold start does not pay for.

The libraries behind the doors of this project import, at their top, far more than a request ever uses: asynchronous
HTTP, schedulers, websockets, key formats. `without` imports them with stubs in the place of such modules, which
are then neither loaded nor shipped.

A stub can be named, called and subclassed while the import lasts: all that a module's top level does with what it
imports. Afterwards every use of it raises `AbsentError`, which names it. A release of a library that begins to need one
of them is found out by the first test that calls it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

# Of the OpenAPI client: what a synchronous call with given credentials never uses. Saves some 300 ms.
SDK = (
    "aiofiles",  # files, asynchronously
    "aiohttp",  # HTTP, asynchronously
    "alibabacloud_credentials",  # finds credentials in files and at metadata servers; ours come with each invocation
    "alibabacloud_gateway_spi",  # hooks of products with a gateway of their own
    "alibabacloud_tea_openapi.websocket_utils",
    "alibabacloud_tea_openapi.websocket_utils_models",
    "asyncio",
    "certifi",  # authorities for requests
    "cryptography",  # signatures with RSA keys
    "darabonba.websocket",
    "logging",  # requests, quoted, by the transport that is replaced
    "requests",  # HTTP: `shared.clients.transport` takes its place
    "websocket",
)
# Of OSS's client: what writing one object never uses.
OSS = (
    "Crypto",  # encryption on the client's side
    "crcmod",  # checksums; TLS has its own
    "requests",  # as above
    "urllib3",  # as above
    "alibabacloud_oss_v2.crypto",
    "alibabacloud_oss_v2.encryption_client",
)
# Of redis-py: what its synchronous client never uses.
REDIS = ("redis.asyncio",)


class AbsentError(ImportError):
    """Something was used that this function does without; the text names it."""


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Import what the block imports with stubs for these modules and all below them.

    What the block does not import keeps the real ones, before and after. The block has to be a module's own import
    statements: another thread that imports one of the names meanwhile would get the stub.

    Args:
        names: absolute, of modules or packages.
    """
    finder = _Finder(names)
    real = {name: sys.modules.pop(name) for name in list(sys.modules) if finder.stands_in_for(name)}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        finder.importing = False
        for name in [name for name in sys.modules if finder.stands_in_for(name)]:
            del sys.modules[name]
            _bind(name, real.get(name))
        sys.modules.update(real)


def _bind(name: str, module: ModuleType | None) -> None:
    """Let a package have a module, or none, as its attribute, which an import leaves behind."""
    package, _, attribute = name.rpartition(".")
    if package not in sys.modules:
        return
    if module:
        setattr(sys.modules[package], attribute, module)
    else:
        with suppress(AttributeError):
            delattr(sys.modules[package], attribute)


class _Finder:
    """Finds, makes and ends stubs; it has no base, since `importlib.abc` imports modules that nothing else needs."""

    importing = True

    def __init__(self, names: Sequence[str]) -> None:
        self._names, self._below = names, tuple(f"{name}." for name in names)

    def stands_in_for(self, module: str) -> bool:
        return module in self._names or module.startswith(self._below)

    def check(self, name: str) -> None:
        if not self.importing:
            raise AbsentError(
                f"{name} is used, which shared/clients/import_stubs.py replaces because it was unused", name=name
            )

    def stand_in(self, name: str) -> _StandIn:
        self.check(name)
        return _StandIn(name, (), {"_finder": self, "_name": name})

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        # As a package, so that any module below it is found.
        return ModuleSpec(fullname, cast("Any", self), is_package=True) if self.stands_in_for(fullname) else None

    def create_module(self, spec: ModuleSpec) -> _StandIn:
        return self.stand_in(spec.name)

    def exec_module(self, module: _StandIn) -> None:
        pass


class _StandIn(type):
    """A stub for a module and everything in it. It is a class, so it can be a base class."""

    _finder: _Finder
    _name: str

    def __getattr__(cls, name: str) -> _StandIn:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls._finder.stand_in(f"{cls._name}.{name}")

    def __call__(cls, *_: Any, **__: Any) -> _StandIn:
        return cls._finder.stand_in(f"{cls._name}()")

    def __iter__(cls) -> Iterator[Any]:
        cls._finder.check(cls._name)
        return iter(())

    def __instancecheck__(cls, _: object) -> bool:
        cls._finder.check(cls._name)
        return False
