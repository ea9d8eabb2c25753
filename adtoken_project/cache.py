"""The cache, beside Celery's queue in one Redis or Valkey. Limits on log-ins fall back to PostgreSQL where it does not answer."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from users import limit_counts

logger = logging.getLogger(__name__)

LIMITS = "allauth:rl:"  # what the keys of the library's rate limits begin with, our own among them
AWAY_FOR = 5.0  # seconds for which a Valkey that did not answer is not asked about limits again
LONGEST = 86_400.0  # seconds, where a count has no end of its own
_away = {"until": 0.0}


class OwnKeysCache(RedisCache):
    """Django's Redis cache, but `clear` removes its own keys alone: Django's empties the database, and the queue with it."""

    def clear(self) -> None:
        """Remove all keys with our prefix."""
        client = self._cache.get_client(None, write=True)
        for key in client.scan_iter(match=f"{self.key_prefix}:*", count=1000):
            client.delete(key)


class LimitsCache(OwnKeysCache):
    """The default cache. Nobody logs in without limits on guessing, so these four calls answer from a table while Valkey does not.

    Counting starts afresh there, and in Valkey what was counted before goes on: an outage gives a guesser each limit once more.
    """

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """Return what is kept."""
        return _ask(key, partial(super().get, key, default, version), lambda table: table.get(key, default))

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Keep a value where there is none. Returns whether it was kept."""
        ask = partial(super().add, key, value, timeout, version)
        seconds = self._seconds(timeout)
        return bool(_ask(key, ask, lambda table: table.put(key, value, seconds, only_new=True)))

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Keep a value."""
        seconds = self._seconds(timeout)
        _ask(
            key,
            partial(super().set, key, value, timeout, version),
            lambda table: table.put(key, value, seconds),
        )

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget a key. Returns whether there was one."""
        return bool(_ask(key, partial(super().delete, key, version), lambda table: table.remove(key)))

    def _seconds(self, timeout: Any) -> float:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return LONGEST if seconds is None else float(seconds)


def forget() -> None:
    """Ask Valkey again at once."""
    _away["until"] = 0.0


def _ask(key: str, ask: Callable[[], Any], fall_back: Callable[[Any], Any]) -> Any:
    """Ask Valkey; of a limit, the table where Valkey does not answer, or did not within the last seconds."""
    if not key.startswith(LIMITS):
        return ask()
    if time.monotonic() < _away["until"]:
        return fall_back(limit_counts)
    try:
        return ask()
    except (RedisError, OSError) as error:
        _away["until"] = time.monotonic() + AWAY_FOR
        logger.warning(
            "The cache does not answer; limits are counted in PostgreSQL: %s", type(error).__name__
        )
        return fall_back(limit_counts)
