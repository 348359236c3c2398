"""Which version of the C library the shipped shared objects ask for.

A shared object lists the versions of the symbols it needs as plain strings, `GLIBC_2.28`. Looking for these strings is
enough: one that stands there for another reason can only make the check stricter.
"""

import re
from pathlib import Path

from local.package.errors import PackageError
from local.package.targets import Target

_ELF = b"\x7fELF"
_VERSION = re.compile(rb"GLIBC_2\.(\d+)")


def required_glibc(content: bytes) -> int:
    """Return the minor version of glibc 2 that this file asks for; 0 for one that asks for none."""
    if not content.startswith(_ELF):
        return 0
    return max((int(minor) for minor in _VERSION.findall(content)), default=0)


def check_glibc(folder: Path, target: Target) -> int:
    """Return the newest minor version of glibc 2 that any file in the folder asks for.

    Raises:
        PackageError: files ask for a newer one than the target has; the text lists them all.
    """
    required = {path: required_glibc(path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()}
    too_new = [f"{path.relative_to(folder)}: 2.{minor}" for path, minor in required.items() if minor > target.glibc]
    if too_new:
        raise PackageError("\n  ".join([f"{target.runtime} has glibc 2.{target.glibc}, these need more:", *too_new]))
    return max(required.values(), default=0)
