"""A repository with one function, and wheels for it, so that builds need no network."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

# What `everywhere` asks for; the last one is not locked.
NEEDS = ("aiohttp", "only-old; python_version < '3.11'", "absent")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that uv, and nothing else, takes wheels from."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        # Measuring pip, which is asked about its configuration, would take five times as long.
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def repository(tmp_path: Path, wheels: Path) -> Path:
    """The function `greet`; it imports `everywhere`, which needs `only_old` before Python 3.11, and never aiohttp."""
    root = tmp_path / "repository"
    files = {
        "functions/greet/index.py": "import everywhere\nfrom shared.words import HELLO\n",
        "functions/greet/callers.toml": "",
        "functions/greet/openapi.json": "",
        "functions/greet/tests/test_index.py": "",
        "shared/__init__.py": "",
        "shared/words.py": "HELLO = {'hello', 'good', 'morning', 'moin'}\n",
        "shared/py.typed": "",
        "shared/__pycache__/words.cpython-39.pyc": "",
        "requirements/function.in": "everywhere>=1  # what it is for\n",
        "requirements/function.txt": "\n".join(
            [
                "# locked",
                lock_line("everywhere", "", add_wheel(wheels, "everywhere", needs=NEEDS)),
                lock_line("aiohttp", "", add_wheel(wheels, "aiohttp", needs=("below-aiohttp",))),
                lock_line("below_aiohttp", "", add_wheel(wheels, "below_aiohttp")),
                lock_line("only_old", "python_full_version < '3.11'", add_wheel(wheels, "only_old")),
            ]
        ),
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def add_wheel(folder: Path, name: str, *, needs: Sequence[str] = ()) -> str:
    """Put a wheel of version 1.0 into the folder, with all that does not belong into a package; return its SHA-256."""
    required = "".join(f"Requires-Dist: {requirement}\n" for requirement in needs)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files: dict[str, bytes] = {
        f"{name}/__init__.py": b"WORDS = frozenset(['a', 'b', 'c'])\nFOUND = WORDS in {'a', 'b', 'c', 'd'}\n",
        f"{name}/__init__.pyi": b"",
        f"{name}/py.typed": b"",
        f"{name}/fast.so": b"",
        f"{name}/tests/test_it.py": b"not even python",
        f"{name}-1.0.data/scripts/{name}-tool": b"#!python\n",
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: MIT\n{required}"
        "Requires-Python: >=3.10\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for file, data in {**files, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(file, data)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock_line(name: str, marker: str, sha256: str) -> str:
    """A requirement as uv locks it."""
    return f"{name}==1.0{f' ; {marker}' if marker else ''} \\\n    --hash=sha256:{sha256}\n    # via -r function.in"
