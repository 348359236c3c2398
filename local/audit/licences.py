"""Whether everything that may be shipped is under a licence that an Apache-2.0 project can ship."""

from __future__ import annotations

import re
import sysconfig
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import canonicalize_name

from local.audit.check import Check
from local.audit.locks import FUNCTION, name_and_version
from local.package.components import Component, read_components

# SPDX ids. Permissive ones, and MPL-2.0: it binds its own files alone, and they are shipped as they are.
ALLOWED = frozenset(
    [
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
    ]
)
_WORD = re.compile(r"[()]|[^()\s]+")


def check_licences(requirements: Iterable[str], folder: Path | None = None) -> Check:
    """Check the licences of what is locked for the function: more than what is shipped of it in the end.

    Args:
        requirements: as `read_locks` returns them.
        folder: where they are installed; the environment's, if None.
    """
    wanted = {canonicalize_name(name_and_version(requirement)[0]) for requirement in requirements}
    components = read_components(folder or Path(sysconfig.get_path("purelib")), wanted)
    absent = sorted(wanted - {component.name for component in components})
    summary = f"{len(components)} distributions of {FUNCTION}"
    if absent:
        summary += f"; not checked: {', '.join(absent)}, not installed for this Python"
    return Check("licences", summary, tuple(unfit(components)))


def unfit(components: Iterable[Component]) -> list[str]:
    """Return those whose licence is unknown or not allowed, a line each."""
    return [
        f"{component.name} {component.version}: {component.licence or 'licence unknown'}"
        for component in components
        if not component.licence or not is_allowed(component.licence)
    ]


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression leaves a way to use the work under allowed licences alone.

    Args:
        expression: a valid one, canonical; `AND` binds closer than `OR`. A licence `WITH` an exception is another
            licence.
    """
    return _any_of(deque(_WORD.findall(expression)))


def _any_of(words: deque[str]) -> bool:
    allowed = _all_of(words)
    while words and words[0] == "OR":
        words.popleft()
        allowed = _all_of(words) or allowed
    return allowed


def _all_of(words: deque[str]) -> bool:
    allowed = _one(words)
    while words and words[0] == "AND":
        words.popleft()
        allowed = _one(words) and allowed
    return allowed


def _one(words: deque[str]) -> bool:
    word = words.popleft()
    if word == "(":
        allowed = _any_of(words)
        words.popleft()
        return allowed
    if words and words[0] == "WITH":
        words.popleft()
        word = f"{word} WITH {words.popleft()}"
    return word in ALLOWED
