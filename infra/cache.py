"""The cache, beside Celery's queue in one Redis or Valkey."""

from collections.abc import Iterator
from typing import Any

from django.core.cache.backends.redis import RedisCache


class TellingCache(RedisCache):
    """Django's Redis cache, by which processes tell each other that they should look, too. Nothing empties it: the queue lies there."""

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
