"""The backend (settings.DATABASES, ENGINE).

A restarted PostgreSQL must not cost an error per pooled connection. Django's way to find those that have ended (CONN_HEALTH_CHECKS) asks
each before it is used: a round trip. One that the server has closed shows by itself that something is to be read from it, so that only a
connection that has news, or was not used for a while, is asked.
"""

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

FRESH = 30.0  # seconds within which a connection was used that is not asked: what lies between may have dropped it without a word
_given: WeakKeyDictionary[Any, float] = WeakKeyDictionary()  # connection -> when the pool last gave it


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of a thread."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take a connection from the pool that has not ended. One that has is put back, and the pool makes another."""
        while True:
            given = super().get_new_connection(conn_params)
            if self.pool is None or _works(given):
                return given
            self.pool.putconn(given)


def _works(given: psycopg.Connection[Any]) -> bool:
    now = time.monotonic()
    if has_news(given) or now - _given.get(given, now - 2 * FRESH) > FRESH:
        try:
            ConnectionPool.check_connection(given)
        except psycopg.Error:
            return False
    _given[given] = now
    return True


def has_news(given: psycopg.Connection[Any]) -> bool:
    """Return whether the server has said something unasked, which is mostly that it closes the connection."""
    if given.closed:
        return True
    waiting = select.poll()
    waiting.register(given.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
