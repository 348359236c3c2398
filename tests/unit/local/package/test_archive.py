from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

from local.package.archive import write_zip


def test_the_same_files_give_the_same_bytes_whenever_and_however_they_were_made(tmp_path: Path) -> None:
    hashes = set()
    for number, names in enumerate([("b.py", "a/c.py"), ("a/c.py", "b.py")]):
        folder = tmp_path / str(number)
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            path.chmod(0o600 + number)
            os.utime(path, (number, 1_000_000_000 + number))
        hashes.add(write_zip(folder, tmp_path / f"{number}.zip"))
    assert len(hashes) == 1
    assert hashes == {hashlib.sha256((tmp_path / "0.zip").read_bytes()).hexdigest()}


def test_entries_are_sorted_files_that_everybody_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for name in ("b.py", "a/z.py", "a.py", "B.py"):
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text("")
    write_zip(folder, tmp_path / "out.zip")
    entries = zipfile.ZipFile(tmp_path / "out.zip").infolist()
    assert [entry.filename for entry in entries] == ["B.py", "a.py", "a/z.py", "b.py"]
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
