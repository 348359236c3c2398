"""Writes the `openapi.json` that each function serves; `--check` only says whether a file is out of date."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from local.cli.command_line import run
from local.deployed import ACTIONS
from local.openapi import document

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the documents that differ and name them; return the exit code.

    Args:
        arguments: of the command line.
        root: of the repository.
    """
    parser = argparse.ArgumentParser(prog="python -m local.openapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is out of date")
    options = parser.parse_args(arguments)
    outdated = 0
    for name, action in ACTIONS.items():
        file, text = root / "functions" / name / "openapi.json", json.dumps(document(action), ensure_ascii=False) + "\n"
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        outdated += 1
        sys.stdout.write(f"{file.relative_to(root).as_posix()}\n")
        if not options.check:
            file.write_text(text, encoding="utf-8")
    return 1 if options.check and outdated else 0


if __name__ == "__main__":
    run(main)
