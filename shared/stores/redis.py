"""A store in Redis, or in what speaks its protocol (Tair, Valkey): the door to its client.

Each step is one script, and so atomic and one round trip. Its timeouts are short, and the whole of it is bounded by its
deadline: a store that hangs must not eat the time for the call.
"""

from __future__ import annotations

from typing import Any

from shared import bounded, lean
from shared.idle import LastUse
from shared.stores.store import CLAIM, Held, StoreError

with lean.without(*lean.REDIS):
    from redis import Connection, ConnectionPool, Redis, SSLConnection
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import RedisError
    from redis.maint_notifications import MaintNotificationsConfig
    from redis.retry import Retry

_CONNECT_S = 0.5
_ANSWER_S = 0.5
# As many as an instance may have requests at once.
_MAX_CONNECTIONS = 200

_CLAIM = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return {held, redis.call('PTTL', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {}
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


class _Connection(Connection):
    """A connection that is opened anew once it was idle for long."""

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
    """One server, or the proxy of a cluster."""

    def __init__(self, url: str) -> None:
        """Connect to nothing yet.

        Args:
            url: `redis://` or `rediss://`; the server of the latter is verified against the system's authorities, or
                those that `SSL_CERT_FILE` names.
        """
        pool = ConnectionPool.from_url(
            url,
            connection_class=_TlsConnection if url.startswith("rediss:") else _Connection,
            max_connections=_MAX_CONNECTIONS,
            socket_connect_timeout=_CONNECT_S,
            socket_timeout=_ANSWER_S,
            # A server that was restarted has closed its connections. A step that is sent again changes nothing; after
            # a timeout there is no time for it.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            decode_responses=True,
            # What a connection would begin with beside its password: each is a round trip, and not every server of
            # this protocol knows them.
            protocol=2,
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._client = Redis(connection_pool=pool)

    def claim(self, key: str, value: str, lease_ms: int, deadline: float) -> Held | None:
        """Put a claim under a free key and return `None`, or return what stands there."""
        found = self._run(_CLAIM, key, value, lease_ms, deadline=deadline)
        return Held(found[0], found[1]) if found else None

    def complete(self, key: str, value: str, ttl_ms: int, deadline: float) -> bool:
        """Put an answer in the place of a claim."""
        return bool(self._run(_COMPLETE, key, value, ttl_ms, deadline=deadline))

    def release(self, key: str, value: str, deadline: float) -> None:
        """Take the own claim away."""
        self._run(_RELEASE, key, value, deadline=deadline)

    def _run(self, script: str, key: str, *arguments: str | int, deadline: float) -> Any:
        try:
            return bounded.run(lambda: self._client.eval(script, 1, key, *arguments), deadline)
        except (RedisError, OSError, ValueError, bounded.OverdueError) as error:
            # The messages name host and user.
            raise StoreError(type(error).__name__) from None
