"""The secrets from KMS that an instance has read, and how long it uses them.

A secret is read before its first use, again when it is a few minutes old, and earlier if a credential was not accepted,
because the secret may have been rotated. A value is never used beyond its age. If KMS cannot be asked by then, the
caller is not served.

A value that was read with one set of role credentials is used only with that set, because on a custom runtime the
credentials come in headers of the request. All sets share one budget of reads per secret.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial

from shared.callers.secret_references import KMS, GetSecret, NotAskedError, SecretUnavailableError, from_environment
from shared.problems import ConfigurationError
from shared.runtime.context import Credentials, credentials_of
from shared.runtime.moment import Moment
from shared.settings import Settings

# From the first age on a secret is read again; up to the second it is used if that fails.
FRESH_S, MAX_AGE_S = 240.0, 300.0
# The least time between two reads of one secret, for all requests together, whether a read succeeds or fails. The first
# successful read does not count.
EVERY_S = 10.0
# Sets of credentials that an instance knows for one secret: the role's, the one before it was renewed, and two more.
MAX_SETS = 4
# Of the deadline: by then KMS has answered.
SHARE = 0.25

ReadSecret = Callable[[str, Credentials, Settings, float], tuple[str, ...]]


@dataclass
class _Kept:
    """What one set of credentials has read: the values, how old they are, and how its last read failed, if it did."""

    found: tuple[str, ...] | None = None
    found_at: Moment = field(default_factory=Moment)
    failure: Exception | None = None
    used_at: float = field(default_factory=time.monotonic)

    def is_trusted(self) -> bool:
        """Whether there is a value that is not too old."""
        return self.found is not None and self.found_at.age_s() < MAX_AGE_S

    def is_due(self, *, early: bool) -> bool:
        """Whether it is to be read now, if it may be."""
        # A secret that is missing may be created soon, and somebody waits for it.
        return early or self.found is None or self.found_at.age_s() >= (FRESH_S if self.found else EVERY_S)

    def read(self, read: Callable[[], tuple[str, ...]]) -> None:
        """Read it, and keep how that ended."""
        try:
            self.found, self.failure = read(), None
        except (ConfigurationError, SecretUnavailableError) as error:
            self.failure = error
        else:
            self.found_at = Moment()

    def values(self, unread: str) -> tuple[str, ...]:
        """Return the values, if they are not too old.

        Args:
            unread: says why there is nothing, if no read has failed.

        Raises:
            ConfigurationError, SecretUnavailableError: nothing; as the last read failed.
        """
        found = self.found
        if found is not None and self.is_trusted():
            return found
        failure = self.failure or NotAskedError(unread)
        # A new one each time: several threads may raise it.
        raise type(failure)(*failure.args)


class _Secret:
    """One secret: what each set of credentials has read of it, and when KMS may be asked for it again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sets: dict[str, _Kept] = {}
        self._has_succeeded = False
        # The last read that was not free, and the set that it was for.
        self._read_at: Moment | None = None
        self._reader = ""
        # When a set that has values could not read because of another's read.
        self._put_off_at: Moment | None = None

    def values(
        self, owner: str, read: Callable[[], tuple[str, ...]], deadline: float, latest: float, *, early: bool
    ) -> tuple[str, ...]:
        """Return the values for one set of credentials; read them again if due and if the budget allows it.

        If another thread is reading, wait for it, unless the stored values are still usable.

        Args:
            owner: the set of credentials.
            read: reads the secret with this set.
            deadline: by `time.monotonic()`; the end of the wait for another thread.
            latest: by `time.monotonic()`; after this time no read begins.
            early: whether to read again before the values are old.

        Raises:
            ConfigurationError, SecretUnavailableError: there are no usable values.
        """
        kept = self._sets.get(owner, _Kept())
        kept.used_at = time.monotonic()
        wait_s = 0.0 if kept.is_trusted() and not early else max(0.0, deadline - time.monotonic())
        if self._may_read(owner, early=early) and self._lock.acquire(timeout=wait_s):
            try:
                if self._may_read(owner, early=early) and time.monotonic() <= latest:
                    self._read(owner, read)
            finally:
                self._lock.release()
        is_spent = self._is_spent()
        return self._sets.get(owner, kept).values(
            "KMS was asked a moment ago, with other credentials" if is_spent else "KMS was not read in time"
        )

    def seen(self, owner: str) -> tuple[str, ...]:
        """Return the result of the last read with one set, whatever its age.

        Raises:
            ConfigurationError, SecretUnavailableError: it failed, and what was found before is too old.
            NotAskedError: the set has not read.
        """
        kept = self._sets.get(owner, _Kept())
        if kept.found is not None and kept.failure is None:
            return kept.found
        return kept.values("KMS was not read")

    def _may_read(self, owner: str, *, early: bool) -> bool:
        """Whether a set is due to read, and it is its turn.

        A set that has values and was put off by another's read goes before sets that have none: anybody can make those
        up, and their reads would take each turn until its values are too old.
        """
        kept = self._sets.get(owner)
        if kept is not None and not kept.is_due(early=early):
            return False
        has_values = kept is not None and bool(kept.found)
        if self._is_spent():
            if has_values and self._reader != owner:
                self._put_off_at = Moment()
            return False
        put_off_at = self._put_off_at
        # As long as what it has can last from the age on at which it is due.
        return has_values or put_off_at is None or put_off_at.age_s() >= MAX_AGE_S - FRESH_S

    def _is_spent(self) -> bool:
        return self._read_at is not None and self._read_at.age_s() < EVERY_S

    def _read(self, owner: str, read: Callable[[], tuple[str, ...]]) -> None:
        """Read it for one set, and count that."""
        kept = self._sets.get(owner) or _Kept()
        is_free = False
        try:
            kept.read(read)
            is_free = kept.failure is None and not self._has_succeeded
        finally:
            # Only now: until the read has ended, other requests wait for it.
            if is_free:
                self._has_succeeded = True
            else:
                self._read_at, self._reader = Moment(), owner
        if kept.found:
            self._put_off_at = None
        self._sets[owner] = kept
        if len(self._sets) > MAX_SETS:
            # Those without values go first, then those that were not used for the longest time.
            del self._sets[min(self._sets, key=lambda name: (bool(self._sets[name].found), self._sets[name].used_at))]


class SecretCache:
    """The values of the references in the callers file; safe for threads."""

    def __init__(self, read: ReadSecret) -> None:
        """Keep nothing yet.

        Args:
            read: reads one secret of KMS.
        """
        self._read = read
        self._secrets: dict[tuple[str, str], _Secret] = {}

    def getter(
        self, environ: Mapping[str, str], context: object, settings: Settings, started: float, *, early: bool = False
    ) -> GetSecret:
        """Return what gets the values of a reference, for one invocation.

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

        def get_secret(reference: str) -> Sequence[str]:
            if not reference.startswith(KMS):
                return variables(reference)
            name = reference.removeprefix(KMS)
            credentials = credentials_of(context, environ)
            read = partial(self._read, name, credentials, settings, deadline)
            # Do not back off after an attempt that had too little time.
            latest = deadline - share_s / 2
            return self._secret(settings, name).values(
                _owner(credentials, settings), read, deadline, latest, early=early
            )

        return get_secret

    def getter_of_seen(self, environ: Mapping[str, str], context: object, settings: Settings) -> GetSecret:
        """Return what gets the values that were read last, without asking KMS; `NotAskedError` if there are none.

        The arguments are those of `getter`.
        """
        variables = from_environment(environ)

        def get_secret(reference: str) -> Sequence[str]:
            if not reference.startswith(KMS):
                return variables(reference)
            try:
                owner = _owner(credentials_of(context, environ), settings)
            except ConfigurationError:
                raise NotAskedError("no role credentials") from None
            return self._secret(settings, reference.removeprefix(KMS)).seen(owner)

        return get_secret

    def _secret(self, settings: Settings, name: str) -> _Secret:
        # Not by an address whose region may come from a header: each region would have its own budget.
        given = settings.kms_endpoint if "kms_endpoint" in settings.model_fields_set else ""
        key = (given, name)
        # Requests may run side by side, and all of them must find the same secret.
        return self._secrets.get(key) or self._secrets.setdefault(key, _Secret())


def _owner(credentials: Credentials, settings: Settings) -> str:
    """Return what stands for a set of credentials at one KMS: a hash, since credentials are never kept."""
    return hashlib.sha256(repr((settings.kms_endpoint, astuple(credentials))).encode()).hexdigest()
