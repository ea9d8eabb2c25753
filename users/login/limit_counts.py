"""Counts of limits on guessing (wrong passwords, codes, links of mails, calendars), in PostgreSQL: the library's only cache.

The library keeps each as a list of moments under a key, behind a lock that is another key. Rows are few and short-lived: an old one is
written over when its key comes again, and the hourly task removes the rest.
"""

import json
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

from users.models import LimitCount

_PUT = """
insert into users_limitcount (key, value, ends_at) values (%(key)s, %(value)s, %(ends_at)s)
on conflict (key) do update set value = excluded.value, ends_at = excluded.ends_at {where}
returning key"""
_SET = _PUT.format(where="")
_ADD = _PUT.format(where="where users_limitcount.ends_at <= %(now)s")  # one of two at once gets it


class LimitCounts(BaseCache):
    """What the library asks of a cache. It holds JSON alone: whoever writes to the table runs nothing by it."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """Return what is kept under a key, or the default."""
        found = LimitCount.objects.filter(pk=self.make_key(key, version), ends_at__gt=time.time())
        row = found.values_list("value", flat=True).first()
        return default if row is None else row

    def add(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Keep a value for so many seconds where there is none. Returns whether it was kept."""
        return self._put(_ADD, self.make_key(key, version), value, timeout)

    def set(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        """Keep a value for so many seconds."""
        self._put(_SET, self.make_key(key, version), value, timeout)

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget a key. Returns whether there was one."""
        return LimitCount.objects.filter(pk=self.make_key(key, version)).delete()[0] > 0

    def _put(self, statement: str, key: str, value: Any, timeout: float | None) -> bool:
        ends_at = self.get_backend_timeout(timeout)
        with connection.cursor() as cursor:
            cursor.execute(
                statement, {"key": key, "value": json.dumps(value), "ends_at": ends_at, "now": time.time()}
            )
            return cursor.fetchone() is not None


def sweep() -> int:
    """Remove what is over. Returns how many."""
    return LimitCount.objects.filter(ends_at__lte=time.time()).delete()[0]
