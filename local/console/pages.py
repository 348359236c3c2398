"""The files of the page, and what a browser may do with them."""

from __future__ import annotations

import json
from pathlib import Path

from local.http import Answer

_FOLDER = Path(__file__).with_name("page")
START = "index.html"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
# Nothing but the page's own files, and no text that becomes code.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page_file(name: str) -> Answer | None:
    """Return a file of the page, `None` if it has none of this name."""
    # By name and not by path: nothing above or below the folder can be asked for.
    found = next((path for path in _FOLDER.iterdir() if path.name == name and path.suffix in _TYPES), None)
    return None if found is None else _answer(200, _TYPES[found.suffix], found.read_bytes())


def as_json(value: object, status: int = 200) -> Answer:
    """Return a JSON answer."""
    return _answer(status, "application/json", json.dumps(value).encode())


def problem(status: int, reason: str) -> Answer:
    """Return an error in the console's own voice."""
    return as_json({"error": reason}, status)


def _answer(status: int, content_type: str, body: bytes) -> Answer:
    return Answer(status, {"Content-Type": content_type, **_HEADERS}, body)
