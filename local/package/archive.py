"""The zip: the same files always give the same bytes."""

import hashlib
import zipfile
from pathlib import Path

from shared.pages import BUILD

# The earliest moment that a zip can hold.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = 0o100644
_DIGITS = 12


def write_zip(folder: Path, path: Path) -> str:
    """Write the files of the folder, in the order of their names, readable for everybody; return the zip's SHA-256."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, file in sorted((file.relative_to(folder).as_posix(), file) for file in files_in(folder)):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Otherwise these two tell the system and the umask that built it.
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            archive.writestr(entry, file.read_bytes(), compresslevel=9)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_build(folder: Path) -> str:
    """Write into `BUILD` what tells this content from any other; return it."""
    digest = hashlib.sha256()
    for name, file in sorted((file.relative_to(folder).as_posix(), file) for file in files_in(folder)):
        digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    build = digest.hexdigest()[:_DIGITS]
    folder.joinpath(BUILD).write_text(f"{build}\n", encoding="ascii")
    return build


def files_in(folder: Path) -> list[Path]:
    """Return all files under the folder."""
    return [path for path in folder.rglob("*") if path.is_file()]
