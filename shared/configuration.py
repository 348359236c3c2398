"""The configuration as a whole: variables, callers file and secrets, and everything that is wrong with them at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from shared.callers import Caller, Callers, load_callers
from shared.context import credentials_of, region_of
from shared.problems import ConfigurationError
from shared.secret_references import read_secrets
from shared.settings import Settings, read_settings


class Configuration(NamedTuple):
    """What one invocation works with."""

    settings: Settings
    callers: Callers


def load(environ: Mapping[str, str], context: object, callers_file: Path) -> Configuration:
    """Return settings and callers.

    Args:
        environ: the environment.
        context: the platform's; it names the region.
        callers_file: the default of `CALLERS_FILE`.

    Raises:
        ConfigurationError: one error that lists what is wrong with both.
    """
    reasons: list[str] = []
    with _collected(reasons):
        settings = read_settings(environ, region=region_of(context, environ))
    with _collected(reasons):
        callers = load_callers(environ.get("CALLERS_FILE") or callers_file)
    if reasons:
        raise ConfigurationError("; ".join(reasons))
    return Configuration(settings, callers)


def secrets_of(name: str, caller: Caller, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets of a caller that count now.

    Raises:
        ConfigurationError: one that is not optional is unset or unusable; this stops its own caller only.
    """
    try:
        return read_secrets(caller.auth.secrets or (), environ, caller.auth.is_usable)
    except ConfigurationError as error:
        raise ConfigurationError(f"callers.{name}.auth.secrets: {error.reason}") from None


def stopped_callers(callers: Callers, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the callers that cannot be served for want of a secret, each with its reason."""
    stopped = {}
    for name, caller in callers.callers.items():
        try:
            secrets_of(name, caller, environ)
        except ConfigurationError as error:
            stopped[name] = error.reason
    return stopped


def serves_anybody(environ: Mapping[str, str], context: object, callers_file: Path) -> bool:
    """Return whether at least one caller can be served."""
    try:
        callers = load(environ, context, callers_file).callers
    except ConfigurationError:
        return False
    return len(stopped_callers(callers, environ)) < len(callers.callers)


def faults(environ: Mapping[str, str], context: object, callers_file: Path) -> list[str]:
    """Return everything that is wrong, a reason each: configuration, secrets, role credentials."""
    reasons: list[str] = []
    with _collected(reasons):
        configuration = load(environ, context, callers_file)
        reasons += stopped_callers(configuration.callers, environ).values()
    with _collected(reasons):
        credentials_of(context, environ)
    return reasons


@contextlib.contextmanager
def _collected(reasons: list[str]) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        reasons.append(error.reason)
