"""A store in Redis or a compatible server (Tair, Valkey). The only module that imports the client library.

Each step is one script, so it is atomic and takes one round trip. Its timeouts are short, and a deadline limits all of
it: a store that hangs must not use up the time for the call.
"""

from __future__ import annotations

import re
import time
from typing import Any

from shared.clients import import_stubs
from shared.clients.deadline import run_within
from shared.clients.idle import LastUse
from shared.idempotency.store import CLAIM, Held, StoreError, cause_of

with import_stubs.without(*import_stubs.REDIS):
    from redis import Connection, ConnectionPool, Redis, SSLConnection
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import RedisError, ResponseError
    from redis.maint_notifications import MaintNotificationsConfig
    from redis.retry import Retry

_CONNECT_S = 0.5
_ANSWER_S = 0.5
# As many as an instance may have requests at once.
_MAX_CONNECTIONS = 200
# Many times the longest record: a longer one is not ours, and must not fill the memory.
_MAX_RECORD = 65_536

_CLAIM = f"""
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return {{string.sub(held, 1, {_MAX_RECORD}), redis.call('PTTL', KEYS[1])}} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {{}}
"""
_COMPLETE = f"""
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] and string.sub(held, 1, 1) ~= '{CLAIM}' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""

_NODE = "the server is a single node of a cluster"
_BUSY = "the server is busy with a script"
_PASSWORD = "the password was refused"  # noqa: S105 - says so
_PERMISSION = "the user lacks a permission"
_RECORD = "the record is of another type"
_FULL = "the store is full"
# A server's refusals: by code or, if the code is generic, by text.
_REFUSALS = {
    "READONLY": "the server is a read-only replica",
    "LOADING": "the server is loading its data",
    "MASTERDOWN": "the server is a replica without its primary",
    "CLUSTERDOWN": "the cluster is down",
    "TRYAGAIN": "the cluster is moving its keys",
    "MOVED": _NODE,
    "ASK": _NODE,
    "BUSY": _BUSY,
    "UNKILLABLE": _BUSY,
    "MISCONF": "the server cannot write to its disk",
    "NOREPLICAS": "the server has too few replicas",
    "OOM": _FULL,
    "NOAUTH": "the server wants a password",
    "WRONGPASS": _PASSWORD,
    "invalid password": _PASSWORD,
    "without any password configured": _PASSWORD,
    "no password is set": _PASSWORD,
    "NOPERM": _PERMISSION,
    "can't run this command": _PERMISSION,
    "ACL failure in script": _PERMISSION,
    "DENIED": "the server refuses remote connections",
    "max number of clients reached": "the server has too many clients",
    "WRONGTYPE": _RECORD,
}
# A server before 7 wraps the error of a command in a script: `ERR Error running script …: -OOM …`.
_REFUSAL = re.compile(rf"(?<![A-Za-z])({'|'.join(map(re.escape, _REFUSALS))})(?![A-Za-z])")
# After these another connection is hardly better; after what is not known here it may be.
_LASTING = frozenset({_FULL, _RECORD, ResponseError.__name__})
_LASTING_S = 1.0


class _Connection(Connection):
    """A connection that is opened again after a long idle time."""

    last_use: LastUse | None = None

    def check_health(self) -> None:
        """Called by the client, once connected, before each command."""
        if self.last_use and self.last_use.is_long_ago():
            self.disconnect()  # type: ignore[no-untyped-call]
            self.connect_check_health(check_health=False)
        self.last_use = LastUse()


class _TlsConnection(_Connection, SSLConnection):
    pass


class RedisStore:
    """One server, or the proxy of a cluster.

    A server that refuses a step may be the wrong one by now (a failover, a new password): the connections to it are
    closed, and the next step looks up the name and connects anew.
    """

    def __init__(self, url: str) -> None:
        """Connect to nothing yet.

        Args:
            url: `redis://` or `rediss://`; the server of the latter is verified against the system's authorities, or
                those that `SSL_CERT_FILE` names.
        """
        self._url = url
        self._client = _client(url)
        self._given_up = -_LASTING_S

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        """Claim a free key and return `None`, or return the record that the key has."""
        found = self._run(_CLAIM, key, value, lease_ms, deadline=deadline)
        if found == []:
            return None
        try:
            text, left_ms = found
            return Held(f"{text}", int(left_ms))
        except (ValueError, TypeError):
            raise StoreError("the answer is not that of a Redis server") from None

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        """Put an answer in the place of a claim."""
        return bool(self._run(_COMPLETE, key, value, ttl_ms, deadline=deadline))

    def release(self, key: str, value: str, deadline: float) -> None:
        """Take the own claim away."""
        self._run(_RELEASE, key, value, deadline=deadline)

    def _run(self, script: str, key: str, *arguments: str | int, deadline: float) -> Any:
        try:
            return run_within(lambda: self._ask(script, key, *arguments), deadline)
        except Exception as error:  # noqa: BLE001 - whatever it is, the step is not done
            cause = _refusal(error) or cause_of(error)
            # Its frames refer to it, and so to the connections.
            error.__context__ = error.__traceback__ = None
            # The messages name host and user.
            raise StoreError(cause) from None

    def _ask(self, script: str, key: str, *arguments: str | int) -> Any:
        client = self._client
        try:
            return client.eval(script, 1, key, *arguments)
        except RedisError as error:
            refusal = _refusal(error)
            if refusal and client is self._client and self._gives_up(refusal):
                self._client = _client(self._url)
            raise
        finally:
            # Also by a step that began before another one was refused.
            if client is not self._client:
                client.connection_pool.disconnect(inuse_connections=False)

    def _gives_up(self, refusal: str) -> bool:
        """Return whether the connections are to be closed: for what lasts, once a second."""
        now = time.monotonic()
        if refusal in _LASTING and now - self._given_up < _LASTING_S:
            return False
        self._given_up = now
        return True


def _client(url: str) -> Redis:
    pool = ConnectionPool.from_url(
        url,
        connection_class=_TlsConnection if url.startswith("rediss:") else _Connection,
        max_connections=_MAX_CONNECTIONS,
        socket_connect_timeout=_CONNECT_S,
        socket_timeout=_ANSWER_S,
        # A server that was restarted has closed its connections. A step that is sent again changes nothing; after a
        # timeout there is no time for it.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        decode_responses=True,
        # What a connection would begin with beside its password: each is a round trip, and not every server of this
        # protocol knows them.
        protocol=2,
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    return Redis(connection_pool=pool)


def _refusal(error: Exception) -> str | None:
    """Return the meaning of a server's error, `None` if the error is not from a server."""
    code = getattr(error, "status_code", None)
    if code is None and not isinstance(error, ResponseError):
        return None
    found = _REFUSAL.search(f"{code} {error}")
    return _REFUSALS[found[1]] if found else type(error).__name__
