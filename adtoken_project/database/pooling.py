"""The pool of connections after PostgreSQL was away: it tries again every 0.3 seconds.

Left alone it doubles the pause with every try, so that after an outage of a minute nobody was served for another one.
"""

import threading
import time
from contextlib import suppress
from typing import Any

from psycopg import OperationalError

EVERY = 0.3  # seconds
_knocking: set[int] = set()
_lock = threading.Lock()


def try_again(pool: Any) -> None:
    """Have a pool that could not connect try again soon. psycopg_pool calls it as `reconnect_failed`, from a thread of its own."""
    with _lock:
        if id(pool) in _knocking:
            return
        _knocking.add(id(pool))
    threading.Thread(target=_knock, args=[pool], name="pool-knock", daemon=True).start()


def _knock(pool: Any) -> None:
    """Ask for a connection, which begins a try for whoever waits, until there is one or the pool is closed."""
    try:
        while not pool.closed:
            time.sleep(EVERY)
            with suppress(OperationalError), pool.connection(timeout=EVERY):
                return
    finally:
        with _lock:
            _knocking.discard(id(pool))
