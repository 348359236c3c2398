"""Runs uv with the package index that pip is configured for: `python -m local.uv pip install …`.

uv does not read pip's configuration, and its own default may be unreachable. The address is passed in the environment,
because it may contain a password, which must not appear in a file or in the list of processes.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_LOCK = Path(__file__).parents[1] / "requirements" / "uv.txt"
_TIMEOUT_S = 600
_INSTALL = [
    *("install", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:"),
    # Where there is no uv, pip has all the others to ask for.
    *("--retries=1", "--requirement", str(_LOCK)),
]
# The variable that tells uv what an option tells pip, and what stands there between two values.
_TOLD = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "client-cert": ("SSL_CLIENT_CERT", " "),
}
_FIXED = {
    # No file of uv's own names another index.
    "UV_NO_CONFIG": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    # As pip has it: the first index that knows a name need not have the version that is locked.
    "UV_INDEX_STRATEGY": "unsafe-best-match",
}
# uv waits without a word, pip tells: what hangs is soon left to pip.
_PATIENCE = {"UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1"}
_STALE = {"UV_INDEX_URL", "UV_EXTRA_INDEX_URL", *(variable for variable, _ in _TOLD.values() if variable[:3] == "UV_")}


def options_of(listed: str) -> dict[str, str]:
    """Return the options that hold for pip's commands, and for `pip install` in particular.

    Args:
        listed: what `pip config list` prints, `global.index-url='…'` a line; `:env:` stands for variables.
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in sections:
            sections[section][name] = str(ast.literal_eval(value))
    # The later ones win, and what is empty counts for nothing, as with pip.
    return {name: value for options in sections.values() for name, value in options.items() if value}


def environment_of(options: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return uv's environment.

    Args:
        options: pip's.
        environ: the environment of this process.
    """
    told = {
        variable: separator.join(options[name].split())
        for name, (variable, separator) in _TOLD.items()
        if name in options
    }
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), options["proxy"]) if "proxy" in options else {}
    kept = {name: value for name, value in environ.items() if name not in _STALE}
    return _PATIENCE | kept | _FIXED | told | proxies


def main(arguments: list[str]) -> int:
    """Run uv, once pip has installed it; return its exit code.

    Args:
        arguments: uv's.
    """
    if _pip(*_INSTALL) is None:
        return 1
    options = options_of(_pip("config", "list") or "")
    if "compile" in arguments:
        # Beside the index may lie some files of a version: a lock made of them would lack the hashes of the others.
        options = {name: value for name, value in options.items() if name not in {"extra-index-url", "find-links"}}
    # The one that has no variable.
    alone = ["--no-index"] if options.get("no-index", "").lower() in {"1", "true", "yes", "on", "y", "t"} else []
    command = [str(Path(sys.executable).with_name("uv")), *arguments, *alone]
    environment = environment_of(options, os.environ)
    try:
        return subprocess.run(command, env=environment, timeout=_TIMEOUT_S, check=False).returncode  # noqa: S603 - no shell
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"uv: {type(error).__name__}\n")
        return 1


def _pip(*arguments: str) -> str | None:
    """Return what pip prints, or None if it fails; it has said why."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - no shell
    return None if run.returncode else run.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
