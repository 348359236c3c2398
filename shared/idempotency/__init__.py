"""The store of claims and answers of idempotent requests: in this instance, or in Redis."""

from __future__ import annotations

from collections.abc import Callable

from shared.idempotency.memory import MemoryStore
from shared.idempotency.remembering import RememberingStore
from shared.idempotency.store import CLAIM, Held, Store, StoreError, cause_of
from shared.problems import IdempotencyUnavailable
from shared.settings import Settings

__all__ = ["CLAIM", "Held", "MemoryStore", "Store", "StoreError", "Stores", "cause_of", "open_store"]


def open_store(url: str) -> Store:
    """Return the store that `IDEMPOTENCY_URL` names; nothing is connected yet.

    Args:
        url: a valid one (`shared.settings`).
    """
    if url == "memory://":
        return MemoryStore()
    from shared.idempotency.redis import RedisStore  # noqa: PLC0415 - its library is paid for only where it is configured

    return RememberingStore(RedisStore(url))


class Stores:
    """The stores of one instance by their URL: each is opened once, since all requests must get the same."""

    def __init__(self, open_store: Callable[[str], Store] = open_store) -> None:
        """Open nothing yet."""
        self._open = open_store
        self._stores: dict[str, Store] = {}

    def of(self, settings: Settings) -> Store:
        """Return the store that `IDEMPOTENCY_URL` names.

        Raises:
            IdempotencyUnavailable: its library, which is read from files, cannot be had.
        """
        url = settings.idempotency_url.get_secret_value()
        try:
            # In one step: requests may run side by side.
            return self._stores.get(url) or self._stores.setdefault(url, self._open(url))
        except (OSError, MemoryError) as error:
            raise IdempotencyUnavailable(f"store cannot be opened: {cause_of(error)}") from None
