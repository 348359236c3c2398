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
    """What CCC would be asked for."""

    action: Action
    parameters: Mapping[str, str]
    settings: Settings


@dataclass
class Recorder:
    """Stands in for the call of CCC: notes what it is asked for, and accepts."""

    asked: Asked | None = None

    def __call__(
        self,
        action: Action,
        parameters: Mapping[str, str],
        credentials: Credentials,  # noqa: ARG002 - the signature of a call
        settings: Settings,
        deadline: float,  # noqa: ARG002 - as above
    ) -> dict[str, Any]:
        """Note a call and return an accepted answer that says nothing of the call."""
        self.asked = Asked(action, parameters, settings)
        return {"Code": "OK"}


@dataclass(frozen=True)
class Walk:
    """Where an event has got to.

    Attributes:
        request: that the event stands for.
        found: what each step has found, in order; of a step that failed, its problem.
        asked: what CCC would be asked for, `None` if the pipeline ends before.
        reply: what the function returns.
        lines: of the log.
        faults: of the configuration, whether this event meets them or not.
        callers: of the callers file, `None` where it cannot be read.
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
        """A success or a problem, `None` for a page: what the last step has found."""
        return next(reversed([*self.found.values()]), None)

    @property
    def caller_name(self) -> str | None:
        """Who sent the event, once that is proved."""
        proved = self.found.get("verify")
        return None if proved is None or isinstance(proved, Problem) else str(self.found["caller"])


def walk(
    event: bytes, callers_file: Path, environ: Mapping[str, str], *, function: str, runtime: str, now: float
) -> Walk:
    """Hand an event to a function and return what became of it.

    Args:
        event: of the HTTP trigger or of a direct invocation.
        callers_file: the callers file.
        environ: the environment, for settings and secrets; role credentials in it serve to read secrets of KMS alone.
        function: the name of its folder.
        runtime: whose context it gets.
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
        # The one that is named is in the environment; beside this one stands its page.
        own_callers_file(function),
        environ=environ,
        now=lambda: now,
        call=call,
        # The caller's own secrets are all that is ever asked for, by whoever explains.
        read_secret=shell_reader(shell),
        # The real one would take the explained request for the first.
        open_store=lambda _url: MemoryStore(),
        # What is explained was not asked for.
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
