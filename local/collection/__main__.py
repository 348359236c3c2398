"""Writes docs/http/ anew: the Postman collection with its environment, and the `.http` file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from functions.mute_call.index import MUTE_CALL
from local.collection.exchanges import exchanges_of
from local.collection.http_file import http_file
from local.collection.postman import collection, environment
from local.collection.variables import variables_of
from local.command_line import run
from local.openapi import document

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "docs/http"
COLLECTION, ENVIRONMENT = "mute-call.postman_collection.json", "local.postman_environment.json"
HTTP_FILE = "mute-call.http"


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the files, or say which are not what would be written; return the exit code.

    Args:
        arguments: of the command line.
        root: of the repository.
    """
    parser = argparse.ArgumentParser(prog="python -m local.collection", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a file is not what would be written")
    options = parser.parse_args(arguments)
    folder = root / FOLDER
    outdated = [name for name, text in files().items() if _read(folder / name) != text]
    if options.check:
        sys.stdout.writelines(f"{FOLDER}/{name}: not what `make collection` writes\n" for name in outdated)
        return 1 if outdated else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in outdated:
        (folder / name).write_text(files()[name], encoding="utf-8")
        sys.stdout.write(f"{FOLDER}/{name}\n")
    return 0


def files() -> dict[str, str]:
    """Return the texts of the files by their names; the same for the same document."""
    described = document(MUTE_CALL)
    exchanges, variables = exchanges_of(described), variables_of(described)
    return {
        COLLECTION: _json(collection(described, exchanges, variables)),
        ENVIRONMENT: _json(environment(variables)),
        HTTP_FILE: http_file(described, exchanges, variables),
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    run(main)
