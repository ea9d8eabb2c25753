"""A thread that serves jobs keeps its connection from one request to the next.

To give it back and to take it again costs as much as the read of a lease. Pages do not: they give theirs back.
"""

import time
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from adtoken_project.database.base import has_news

KEPT = 5.0  # seconds
SPARE = 2  # connections of the pool that are left for whoever else asks in a web process


def keep_connection() -> None:
    """Leave this thread its connection for the next request, where the pool has enough for all threads and some more.

    A request that waited for a channel has none: it gave it back before.
    """
    mine: Any = connections[DEFAULT_DB_ALIAS]
    enough = mine.settings_dict["OPTIONS"]["pool"]["max_size"] >= settings.WEB_THREADS + SPARE
    if mine.connection is not None and enough:
        mine.close_at = time.monotonic() + KEPT  # by which Django gives a connection back


def drop_what_has_ended(**_signal: Any) -> None:
    """Give a kept connection back that the server has closed. At the beginning of each request."""
    mine = connections[DEFAULT_DB_ALIAS]
    if mine.connection is not None and not mine.in_atomic_block and has_news(mine.connection):
        mine.close()
