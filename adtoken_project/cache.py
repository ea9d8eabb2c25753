"""The cache, beside Celery's queue in one Redis or Valkey."""

from django.core.cache.backends.redis import RedisCache


class OwnKeysCache(RedisCache):
    """Django's Redis cache, but `clear` removes its own keys alone: Django's empties the database, and the queue with it."""

    def clear(self) -> None:
        """Remove all keys with our prefix."""
        client = self._cache.get_client(None, write=True)
        for key in client.scan_iter(match=f"{self.key_prefix}:*", count=1000):
            client.delete(key)
