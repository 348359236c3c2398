"""Where claims and answers of idempotent requests are kept: in this instance, or in Redis."""

from __future__ import annotations

from shared.idempotency.memory import MemoryStore
from shared.idempotency.remembering import RememberingStore
from shared.idempotency.store import CLAIM, Held, Store, StoreError, cause_of

__all__ = ["CLAIM", "Held", "MemoryStore", "Store", "StoreError", "cause_of", "open_store"]


def open_store(url: str) -> Store:
    """Return the store that `IDEMPOTENCY_URL` names; nothing is connected yet.

    Args:
        url: a valid one (`shared.settings`).
    """
    if url == "memory://":
        return MemoryStore()
    from shared.idempotency.redis import RedisStore  # noqa: PLC0415 - its library is paid for only where it is configured

    return RememberingStore(RedisStore(url))
