"""Runs one event through the function's own pipeline, with a call to CCC that only records its request."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from local.cli.command_line import callers_file as own_callers_file
from local.cli.shell_secrets import shell_reader
from local.deployed import ACTIONS
from local.gateway.context import build_context
from local.gateway.settings import Credentials as RoleCredentials
from local.gateway.settings import Settings as FunctionSettings
from shared import configuration
from shared.action import Action
from shared.callers.file import Callers, load_callers
from shared.callers.secret_cache import SecretCache
from shared.function import Function
from shared.idempotency import MemoryStore
from shared.problems import ConfigurationError, Problem
from shared.runtime.context import DEFAULT_REGION, Credentials
from shared.runtime.event import Request, read_event
from shared.settings import Settings

MADE_UP_CREDENTIALS = RoleCredentials("STS.made-up", "made-up", "made-up")
_REQUEST_ID = "1-00000000-0000000000000000"
_ROLE = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": MADE_UP_CREDENTIALS.access_key_id,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": MADE_UP_CREDENTIALS.access_key_secret,
    "ALIBABA_CLOUD_SECURITY_TOKEN": MADE_UP_CREDENTIALS.security_token,
}


class Asked(NamedTuple):
    """The request that CCC would get."""

    action: Action
    parameters: Mapping[str, str]
    settings: Settings


@dataclass
class Recorder:
    """Replaces the call to CCC: records the request and returns success."""

    asked: Asked | None = None

    def __call__(
        self,
        action: Action,
        parameters: Mapping[str, str],
        credentials: Credentials,  # noqa: ARG002 - the signature of a call
        settings: Settings,
        deadline: float,  # noqa: ARG002 - the signature of a call
    ) -> dict[str, Any]:
        """Record a call and return a success without details of the call."""
        self.asked = Asked(action, parameters, settings)
        return {"Code": "OK"}


@dataclass(frozen=True)
class Walk:
    """The result of one event.

    Attributes:
        request: the request in the event.
        found: the result of each step, in order; the problem, if the step failed.
        asked: the request that CCC would get, `None` if the pipeline ends before.
        reply: what the function returns.
        lines: the log lines.
        faults: the faults of the configuration, including those that do not affect this event.
        callers: the callers, `None` if the callers file cannot be read.
    """

    request: Request
    found: Mapping[str, object]
    asked: Asked | None
    reply: Mapping[str, Any]
    lines: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    callers: Callers | None = None

    @property
    def outcome(self) -> object:
        """The result of the last step: a success or a problem, `None` for a page."""
        return next(reversed([*self.found.values()]), None)

    @property
    def caller_name(self) -> str | None:
        """The name of the caller, `None` until it is authenticated."""
        proved = self.found.get("verify")
        return None if proved is None or isinstance(proved, Problem) else str(self.found["caller"])


def walk(
    event: bytes, callers_file: Path, environ: Mapping[str, str], *, function: str, runtime: str, now: float
) -> Walk:
    """Run a function on an event and return the result.

    Args:
        event: of the HTTP trigger or of a direct invocation.
        callers_file: the callers file.
        environ: the environment, for settings and secrets; its role credentials are used only to read secrets of KMS.
        function: the name of its folder.
        runtime: the runtime whose context the function gets.
        now: seconds since the epoch.
    """
    shell, environ = environ, {**environ, **_ROLE, "CALLERS_FILE": str(callers_file)}
    region = environ.get("FC_REGION") or DEFAULT_REGION
    context = build_context(
        FunctionSettings(f"functions.{function}.index:handler", runtime=runtime, region=region),
        _REQUEST_ID,
        MADE_UP_CREDENTIALS,
    )
    call, log = Recorder(), io.StringIO()
    found: dict[str, object] = {}
    watched = Function(
        ACTIONS[function],
        # CALLERS_FILE overrides this file; the function finds openapi.json beside it.
        own_callers_file(function),
        environ=environ,
        now=lambda: now,
        call=call,
        # With the shell's credentials, and only for secrets of this caller.
        read_secret=shell_reader(shell),
        # In the real store the explained request would count as the first one.
        open_store=lambda _url: MemoryStore(),
        # An explained request is never kept as a dead letter.
        open_dead_letters=lambda _settings: None,
        log_to=log,
        observe=found.__setitem__,
    )
    reply = watched.handle(event, context)
    return Walk(
        request=read_event(event),
        found=found,
        asked=call.asked,
        reply=reply,
        lines=[json.loads(line) for line in log.getvalue().splitlines()],
        faults=configuration.faults(environ, context, callers_file, SecretCache(shell_reader(shell))),
        callers=_callers(callers_file),
    )


def _callers(path: Path) -> Callers | None:
    try:
        return load_callers(path)
    except ConfigurationError:
        return None
