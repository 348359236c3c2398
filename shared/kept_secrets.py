"""The secrets of KMS that an instance has read, and for how long it trusts them.

A secret is read before its first use, again once it is a few minutes old, and early when a credential was not accepted:
it may have been rotated a moment ago. Nothing is trusted beyond its age: if KMS cannot be asked by then, the caller is
not served.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from shared import kms
from shared.context import Credentials, credentials_of
from shared.idle import Moment
from shared.problems import ConfigurationError
from shared.secret_references import KMS, Lookup, NotAskedError, SecretUnavailableError, from_environment
from shared.settings import Settings

# From this age on a secret is read anew, and up to the other it is used if that fails.
FRESH_S, MAX_AGE_S = 240.0, 300.0
# Anybody can send a wrong credential: what it may cost KMS is bounded, by secret and instance.
EARLY_EVERY_S = 10.0
# KMS is left alone for a while after it has failed or refused, unless it had hardly any time.
PAUSE_S = 5.0
# Of the deadline: by then KMS has answered.
SHARE = 0.25

ReadSecret = Callable[[str, Credentials, Settings, float], tuple[str, ...]]


@dataclass
class _Kept:
    """One secret: its values and how old they are, and how the last attempt to read it failed, if it did."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    found: tuple[str, ...] | None = None
    found_at: Moment = field(default_factory=Moment)
    failure: Exception | None = None
    failed_at: Moment = field(default_factory=Moment)
    early_at: Moment | None = None

    def is_trusted(self) -> bool:
        """Whether there is something, and it is not too old."""
        return self.found is not None and self.found_at.age_s() < MAX_AGE_S

    def is_due(self, *, early: bool) -> bool:
        """Whether it is to be read now."""
        if self.failure is not None and self.failed_at.age_s() < PAUSE_S:
            return False
        if self.found is None or self.found_at.age_s() >= (FRESH_S if self.found else EARLY_EVERY_S):
            # What is not there may be on its way: whoever sets it up waits for it.
            return True
        return early and (self.early_at is None or self.early_at.age_s() >= EARLY_EVERY_S)

    @contextlib.contextmanager
    def my_turn(self, deadline: float, *, early: bool) -> Iterator[bool]:
        """Tell the block whether it is to read the secret.

        Another that reads it meanwhile is waited for, unless what there is will do.
        """
        wait_s = 0.0 if self.is_trusted() and not early else max(0.0, deadline - time.monotonic())
        is_locked = self.is_due(early=early) and self.lock.acquire(timeout=wait_s)
        try:
            yield is_locked and self.is_due(early=early)
        finally:
            if is_locked:
                self.lock.release()

    def read(self, read: Callable[[], tuple[str, ...]], *, early: bool) -> None:
        """Read it, and keep how that ended."""
        try:
            self.found, self.failure = read(), None
        except (ConfigurationError, SecretUnavailableError) as error:
            self.failure, self.failed_at = error, Moment()
            return
        self.found_at = Moment()
        # Only now: until it is done, it is due for all, and whoever comes meanwhile waits for it.
        if early:
            self.early_at = Moment()

    def values(self) -> tuple[str, ...]:
        """Return what was found, if it is not too old.

        Raises:
            ConfigurationError, SecretUnavailableError: nothing; as the last attempt failed.
        """
        found = self.found
        if found is not None and self.is_trusted():
            return found
        failure = self.failure or NotAskedError("KMS was not read in time")
        # A new one each time: several threads may raise it.
        raise type(failure)(*failure.args)


class KeptSecrets:
    """What the references of the callers file stand for; safe for threads."""

    def __init__(self, read: ReadSecret = kms.read_secret) -> None:
        """Keep nothing yet.

        Args:
            read: reads one secret of KMS.
        """
        self._read = read
        self._kept: dict[tuple[str, str], _Kept] = {}

    def lookup(
        self, environ: Mapping[str, str], context: object, settings: Settings, started: float, *, early: bool = False
    ) -> Lookup:
        """Return a look-up for the references of one invocation.

        Args:
            environ: the environment, for `env:NAME` and for role credentials.
            context: the platform's, for role credentials.
            settings: where KMS is.
            started: when the invocation began, by `time.monotonic()`; its secrets have a share of its deadline.
            early: whether secrets are read anew before their age demands it, as far as that is due.
        """
        variables = from_environment(environ)
        share_s = settings.deadline_ms / 1000 * SHARE
        deadline = started + share_s

        def look_up(reference: str) -> Sequence[str]:
            if not reference.startswith(KMS):
                return variables(reference)
            name = reference.removeprefix(KMS)
            # Requests may run side by side, and all of them must find the same secret.
            kept = self._kept.setdefault((settings.kms, name), _Kept())
            with kept.my_turn(deadline, early=early) as is_mine:
                # What had no fair chance would be held against KMS, and keep the next request from asking it.
                if is_mine and deadline - time.monotonic() >= share_s / 2:
                    # Outside of what is kept: that this invocation has no credentials says nothing of the next.
                    credentials = credentials_of(context, environ)
                    kept.read(partial(self._read, name, credentials, settings, deadline), early=early)
            return kept.values()

        return look_up
