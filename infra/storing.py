"""Writing down what cannot be had or undone again: an answer of a channel that spent something, a mail that was handed over."""

import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

STORE_FOR = 600  # seconds for which it is kept in memory while PostgreSQL is away
_EVERY = 0.5


def stored[R](write: Callable[[], R]) -> R:
    """Write it: where PostgreSQL is away, wait for it as long as we live."""
    until = time.monotonic() + STORE_FOR
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > until:
                raise
            connection.close()
            time.sleep(_EVERY)
