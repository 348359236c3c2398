"""The whole configuration: variables, callers file and secrets. All mistakes are reported together."""

import contextlib
import itertools
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from shared.callers.caller import ANY_INSTANCE, Caller
from shared.callers.file import Callers, load_callers
from shared.callers.schemes import Scheme
from shared.callers.secret_cache import SecretCache
from shared.callers.secret_references import (
    ENV,
    KMS,
    OPTIONAL,
    GetSecret,
    NotAskedError,
    SecretUnavailableError,
    fault_of,
    read_secrets,
)
from shared.payload.mapping import is_constant
from shared.problems import ConfigurationError, UpstreamUnavailable
from shared.runtime.context import credentials_of, region_of
from shared.settings import Settings, callers_file_of, doubts, read_settings

_NOT_CHECKED = "The credential cannot be checked at the moment; nothing was sent to CCC."


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
        callers = load_callers(callers_file_of(environ, callers_file))
    if reasons:
        raise ConfigurationError(*reasons)
    return Configuration(settings, callers)


def secrets_of(name: str, scheme: Scheme, get_secret: GetSecret) -> tuple[str, ...]:
    """Return the secrets of a scheme that are valid now. A failure stops only this caller.

    Args:
        name: of its caller, and its place in that caller's table.
        scheme: the caller's own, or a handshake's.
        get_secret: returns the values of a reference.

    Raises:
        ConfigurationError: a secret that is not optional is unset or unusable.
        UpstreamUnavailable: a secret cannot be read at the moment.
    """
    try:
        return _read(name, scheme, get_secret)
    except SecretUnavailableError as error:
        raise UpstreamUnavailable(str(error), detail=_NOT_CHECKED, delivery_state="not_sent") from None


def check_ttl(name: str, caller: Caller, settings: Settings) -> None:
    """Refuse a caller whose recorded requests would be good for longer than their keys are known.

    A timestamp may be ahead by the tolerance as well, so that a recorded request is good for twice that.

    Raises:
        ConfigurationError: `IDEMPOTENCY_TTL_SECONDS` is too short; this stops its own caller only.
    """
    known_s, tolerance_s = settings.idempotency_ttl_seconds, caller.auth.tolerance()
    if not _outlasts_recordings(caller, settings):
        raise ConfigurationError(
            f"callers.{name}: IDEMPOTENCY_TTL_SECONDS is {known_s}, less than twice its tolerance_seconds"
            f" ({tolerance_s}): a recorded request would run again; set it to {2 * tolerance_s} or more"
        )


def stopped_callers(callers: Callers, get_secret: GetSecret, settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the callers that cannot be served, each with the reasons: its secrets, or how long keys are known.

    Not those for whose secret there was no time: nothing is known of them.
    """
    stopped: dict[str, tuple[str, ...]] = {}
    for name, caller in callers.callers.items():
        try:
            check_ttl(name, caller, settings)
            _read(name, caller.auth, get_secret)
        except ConfigurationError as error:
            stopped[name] = error.reasons
        except NotAskedError:
            continue
        except SecretUnavailableError as error:
            stopped[name] = (str(error),)
    return stopped


def serves_anybody(environ: Mapping[str, str], context: object, callers_file: Path, secrets: SecretCache) -> bool:
    """Return whether at least one caller can be served, as far as is known: nobody is asked.

    A secret of KMS counts as set until a read of it has failed.
    """
    try:
        settings, callers = load(environ, context, callers_file)
    except ConfigurationError:
        return False
    get_secret = secrets.getter_of_seen(environ, context, settings)
    return any(
        _outlasts_recordings(caller, settings) and _is_served(caller, get_secret) for caller in callers.callers.values()
    )


def faults(environ: Mapping[str, str], context: object, callers_file: Path, secrets: SecretCache) -> list[str]:
    """Return everything that is wrong, a reason each: configuration, secrets, role credentials."""
    reasons: list[str] = []
    with _collected(reasons):
        settings, callers = load(environ, context, callers_file)
        get_secret = secrets.getter(environ, context, settings, time.monotonic())
        stopped = stopped_callers(callers, get_secret, settings)
        reasons += itertools.chain.from_iterable(stopped.values())
        reasons += _slips(callers, stopped, get_secret)
        reasons += _faults_of_handshakes(callers, get_secret)
    with _collected(reasons):
        credentials_of(context, environ)
    return reasons


def hints(environ: Mapping[str, str], callers_file: Path) -> list[str]:
    """Return settings that are valid but probably a mistake, a sentence each. They stop no request."""
    named: set[str] = set()
    found: list[str] = []
    with contextlib.suppress(ConfigurationError):
        callers = load_callers(callers_file_of(environ, callers_file)).callers
        references = (reference for caller in callers.values() for reference in caller.references())
        named = {text.removeprefix(ENV).removesuffix(OPTIONAL) for text in references}
        found = doubts_of(callers)
    return [*found, *doubts(environ, named=named)]


def doubts_of(callers: Mapping[str, Caller]) -> list[str]:
    """Return what is valid in the callers but probably a mistake, a sentence each."""
    return [f"callers.{name}.{doubt}" for name, caller in callers.items() for doubt in _doubts_of(caller)]


def _doubts_of(caller: Caller) -> Iterator[str]:
    if caller.instances != [ANY_INSTANCE] and ANY_INSTANCE in "".join(caller.instances):
        yield "instances: * means every instance and must be the only entry; there are no patterns"
    if caller.idempotency_key is not None and is_constant(caller.idempotency_key):
        yield "idempotency_key: is a constant, so that every request counts as a duplicate of the first"
    if getattr(caller.auth, "algorithm", "") == "md5":
        yield "auth.algorithm: md5 is broken; use it only if the sender has nothing else"


def _read(name: str, scheme: Scheme, get_secret: GetSecret) -> tuple[str, ...]:
    """Return a scheme's secrets; errors name the caller."""
    try:
        return read_secrets(scheme.secrets or (), get_secret, scheme.fault_of_secret)
    except ConfigurationError as error:
        raise ConfigurationError(*(f"callers.{name}.auth.secrets: {reason}" for reason in error.reasons)) from None
    except SecretUnavailableError as error:
        raise type(error)(f"callers.{name}.auth.secrets: {error}") from None


def _outlasts_recordings(caller: Caller, settings: Settings) -> bool:
    return settings.idempotency_ttl_seconds >= 2 * caller.auth.tolerance()


def _is_served(caller: Caller, get_secret: GetSecret) -> bool:
    """Whether no secret is known to be missing."""
    for reference in caller.auth.secrets or ():
        # Each by itself: a secret that cannot be read does not affect the others.
        try:
            read_secrets([reference], get_secret, caller.auth.fault_of_secret)
        except NotAskedError:
            continue
        except (ConfigurationError, SecretUnavailableError):
            return False
    return True


def _faults_of_handshakes(callers: Callers, get_secret: GetSecret) -> Iterator[str]:
    """Yield what stops a handshake alone: a secret of its own check."""
    for name, caller in callers.callers.items():
        for scheme in caller.schemes[1:]:
            try:
                _read(f"{name}.handshakes", scheme, get_secret)
            except ConfigurationError as error:
                yield from error.reasons
            except SecretUnavailableError as error:
                yield str(error)


def _slips(callers: Callers, stopped: Collection[str], get_secret: GetSecret) -> Iterator[str]:
    """Yield which secrets of callers that are served are of no use: only another one passes, or the old version."""
    for name, caller in callers.callers.items():
        references = () if name in stopped else caller.auth.secrets or ()
        for reference in (text.removesuffix(OPTIONAL) for text in references):
            with contextlib.suppress(SecretUnavailableError):
                values = get_secret(reference)
                fault = fault_of(values[0], caller.auth.fault_of_secret) if values else None
                if fault:
                    of_kms = f"{reference}: its current version {fault}"
                    sentence = of_kms if reference.startswith(KMS) else f"{reference.removeprefix(ENV)} {fault}"
                    yield f"callers.{name}.auth.secrets: {sentence}"


@contextlib.contextmanager
def _collected(reasons: list[str]) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        reasons += error.reasons
