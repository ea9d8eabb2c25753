"""Counts of limits (wrong passwords and their like) in PostgreSQL, for the time in which Valkey does not answer.

The library keeps each as a list of moments under a key, behind a lock that is another key. Rows are few and short-lived: an old one is
written over when its key comes again, and the hourly task removes the rest.
"""

import time
from typing import Any

from django.db import connection

from users.models import LimitCount

_PUT = """
insert into users_limitcount (key, value, ends_at) values (%(key)s, %(value)s, %(ends_at)s)
on conflict (key) do update set value = excluded.value, ends_at = excluded.ends_at {where}
returning key"""
_SET = _PUT.format(where="")
_ADD = _PUT.format(where="where users_limitcount.ends_at <= %(now)s")  # one of two at once gets it


def get(key: str, default: Any) -> Any:
    """Return what is kept under a key, or the default."""
    row = LimitCount.objects.filter(pk=key, ends_at__gt=time.time()).values_list("value", flat=True).first()
    return default if row is None else row


def put(key: str, value: Any, seconds: float, *, only_new: bool = False) -> bool:
    """Keep a value for so many seconds; with `only_new` only where nothing is kept. Returns whether it was written."""
    now = time.time()
    with connection.cursor() as cursor:
        values: dict[str, str | float] = {
            "key": key,
            "value": LimitCount.as_json(value),
            "ends_at": now + seconds,
            "now": now,
        }
        cursor.execute(_ADD if only_new else _SET, values)
        return cursor.fetchone() is not None


def remove(key: str) -> bool:
    """Forget a key. Returns whether there was one."""
    return LimitCount.objects.filter(pk=key).delete()[0] > 0


def sweep() -> int:
    """Remove what is over. Returns how many."""
    return LimitCount.objects.filter(ends_at__lte=time.time()).delete()[0]
