"""The shipped distributions and their licences, from their own metadata.

Read them before pruning, which removes the folders `*.dist-info`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import quote

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

# SPDX expressions by canonical name, for distributions whose metadata tell none or a wrong one. Each entry is to be
# checked against the licence's text. None is needed for what is locked now.
EXCEPTIONS: dict[str, str] = {}

# What `License` says where it is no SPDX expression, in lower case.
_SPELLINGS = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "bsd 3-clause license": "BSD-3-Clause",
    "mit license": "MIT",
    "the mit license": "MIT",
}

# Those classifiers that mean one licence; "BSD License" and "Apache Software License" do not tell which version.
_LICENCE = "License ::"
_CLASSIFIERS = {
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: MIT No Attribution License (MIT-0)": "MIT-0",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
    "License :: OSI Approved :: The Unlicense (Unlicense)": "Unlicense",
    "License :: OSI Approved :: zlib/libpng License": "Zlib",
}

_TEXT = re.compile(r"(licenses/.+|(LICEN[CS]E|COPYING|NOTICE)[^/]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Component:
    """One distribution of the package.

    Attributes:
        name: canonical, as the lock has it.
        version: its version.
        licence: SPDX expression; None if the metadata tell none.
        licence_texts: file names and what the files say, sorted; empty if the distribution ships none.
    """

    name: str
    version: str
    licence: str | None
    licence_texts: tuple[tuple[str, str], ...]

    @property
    def purl(self) -> str:
        """`pkg:pypi/name@version`: the name that databases of vulnerabilities know it by."""
        return f"pkg:pypi/{self.name}@{quote(self.version)}"


def read_components(folder: Path, names: Iterable[str] | None = None) -> list[Component]:
    """Return the distributions that are installed in the folder, sorted by name.

    Args:
        folder: root of the imports.
        names: those to keep, spelled in any way; all, if None.
    """
    # Where a distribution's files were taken out again, its folder may still stand, empty.
    installed = [each for each in distributions(path=[str(folder)]) if each.read_text("METADATA")]
    components = sorted((_component(each) for each in installed), key=lambda component: component.name)
    if names is None:
        return components
    kept = {canonicalize_name(name) for name in names}
    return [component for component in components if component.name in kept]


def _component(distribution: Distribution) -> Component:
    name = canonicalize_name(distribution.name)
    return Component(name, distribution.version, EXCEPTIONS.get(name) or _licence(distribution), _texts(distribution))


def _licence(distribution: Distribution) -> str | None:
    """Return the SPDX expression of the first field that tells one: the newest field first, the vaguest one last."""
    for text in (*_values(distribution, "License-Expression"), *_values(distribution, "License")):
        expression = _SPELLINGS.get(text.strip().lower()) or _spdx(text)
        if expression:
            return expression
    named = [text for text in _values(distribution, "Classifier") if text.startswith(_LICENCE)]
    # Several would not tell whether one may choose.
    return _CLASSIFIERS.get(named[0]) if len(named) == 1 else None


def _spdx(text: str) -> str | None:
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None


def _texts(distribution: Distribution) -> tuple[tuple[str, str], ...]:
    files = dict(_own_files(distribution))
    # Older tools put them beside the metadata, newer ones into a folder.
    listed = {
        path for name in _values(distribution, "License-File") for path in (name, f"licenses/{name}") if path in files
    }
    found: Collection[str] = listed or [path for path in files if _TEXT.fullmatch(path)]
    return tuple(sorted((path.removeprefix("licenses/"), _read(files[path])) for path in found))


def _own_files(distribution: Distribution) -> Iterator[tuple[str, Path]]:
    """Yield the files of the dist-info that are there, by their paths in it."""
    for file in distribution.files or []:
        top, *below = file.parts
        path = Path(str(file.locate()))
        if top.endswith(".dist-info") and path.is_file():
            yield "/".join(below), path


def _read(path: Path) -> str:
    # Some old ones are in Latin-1: an author's name may suffer, the licence does not.
    return path.read_text(encoding="utf-8", errors="replace")


def _values(distribution: Distribution, field: str) -> list[str]:
    return distribution.metadata.get_all(field) or []
