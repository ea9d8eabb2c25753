"""The cache, beside Celery's queue in one Redis or Valkey."""

from collections.abc import Iterator
from typing import Any

from django.core.cache.backends.redis import RedisCache


class OwnKeysCache(RedisCache):
    """Django's Redis cache, but `clear` removes its own keys alone: Django's empties the database, and the queue with it."""

    def clear(self) -> None:
        """Remove all keys with our prefix."""
        client = self._cache.get_client(None, write=True)
        for key in client.scan_iter(match=f"{self.key_prefix}:*", count=1000):
            client.delete(key)

    def tell(self, name: str) -> None:
        """Tell all processes that listen to this name."""
        self._cache.get_client(None, write=True).publish(f"{self.key_prefix}:{name}", "")

    def listen(self, name: str, *, seconds: float) -> Iterator[bool]:
        """Give True whenever the name was told, and False after so many seconds without. Raises RedisError where Valkey is away."""
        client: Any = self._cache.get_client()
        with client.pubsub(ignore_subscribe_messages=True) as told:
            told.subscribe(f"{self.key_prefix}:{name}")
            while client.ping():
                yield told.get_message(timeout=seconds) is not None
