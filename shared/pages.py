"""The pages that need no credential: whether the function can serve, and its OpenAPI document. No log line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from shared import __version__, configuration
from shared.callers.secret_cache import SecretCache
from shared.runtime.event import Request, Response

# Beside the callers file that is shipped, written by `make package`: tells what runs from what ran before.
BUILD = "build.txt"
_BUILD = re.compile(r"[0-9a-f]{12}")


class Pages:
    """`GET …/healthz` and `GET …/openapi.json`."""

    def __init__(self, callers_file: Path, environ: Mapping[str, str], secrets: SecretCache) -> None:
        """Read what stands beside the callers file that is shipped, and look at the configuration when asked."""
        self._callers_file = callers_file
        self._environ = environ
        self._secrets = secrets
        self._build = read_build(callers_file.with_name(BUILD))
        self._document: str | None = None

    def find(self, request: Request, context: object) -> Response | None:
        """Return the page that a request asks for, `None` if it asks for none."""
        if request.direct or request.fault or request.method != "GET":
            return None
        if request.caller_path == "healthz":
            return self._health(context)
        if request.caller_path == "openapi.json":
            return Response(200, self._openapi())
        return None

    def _health(self, context: object) -> Response:
        well = configuration.serves_anybody(self._environ, context, self._callers_file, self._secrets)
        status, word = (200, "ok") if well else (503, "unavailable")
        return Response(status, {"status": word, "version": __version__, "build": self._build})

    def _openapi(self) -> str:
        if self._document is None:
            self._document = self._callers_file.with_name("openapi.json").read_text(encoding="utf-8")
        return self._document


def read_build(file: Path) -> str | None:
    """Return the build of the package, `None` without a package."""
    try:
        build = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return build if _BUILD.fullmatch(build) else None
