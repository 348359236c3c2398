"""Finding a function by its name, so that gateway and function never import each other."""

import importlib
from collections.abc import Callable
from typing import Any

Hook = Callable[..., Any]


class LoadError(Exception):
    """A ``module:attribute`` that leads to no function; the text says on one line what was found."""


def load(name: str) -> Hook:
    """Return the callable that ``module:attribute`` names.

    Raises:
        LoadError: another form, a module that cannot be imported, no such attribute, not callable.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute.isidentifier():
        raise LoadError(f"{name!r} is not of the form module:attribute")
    module = _import(module_name)
    hook = getattr(module, attribute, None)
    if hook is None:
        callables = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise LoadError(f"{module_name} has no {attribute!r}; it has: {', '.join(callables) or 'no functions'}")
    if not callable(hook):
        raise LoadError(f"{name} is of type {type(hook).__name__}, not a function")
    result: Hook = hook
    return result


def load_initializer(handler: str, initializer: str | None) -> Hook | None:
    """Return the initializer: the one named, else ``initialize`` beside the handler, else None.

    Raises:
        LoadError: as `load`; a module without ``initialize`` is none.
    """
    module = handler.partition(":")[0]
    if initializer is None and not hasattr(_import(module), "initialize"):
        return None
    return load(initializer or f"{module}:initialize")


def _import(name: str) -> object:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as exception:
        reason = " ".join(str(exception).split())
        raise LoadError(f"cannot import {name}: {type(exception).__name__}: {reason}") from exception
