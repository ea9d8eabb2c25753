"""Claims that live as long as whoever holds them: each is short, and a thread of the process renews it while the work goes on.

So it ends within `CLAIM` of its process, however that ended, and lasts as long as the work does. PostgreSQL could tell a direct connection
whose process has died, but behind a pooler such as PgBouncer a connection says nothing about who uses it. The time is PostgreSQL's, see
`users.database_clock`: the clocks of hosts may differ by more than a claim lasts.
"""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection

from users import database_clock

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=20)
EVERY = 5.0  # seconds between two renewals
AGAIN = 1.0  # seconds after one that PostgreSQL did not take

Keep = Callable[[datetime], object]

_kept: dict[object, Keep] = {}
_threads: dict[int, threading.Thread] = {}  # by process id: a forked process has none of its parent's
_holders: dict[int, int] = {}
_lock = threading.Lock()


def holder() -> int:
    """Return the number that claims name this process by: negative, as an older version took positive ones for connections."""
    return _holders.setdefault(os.getpid(), number())


def number() -> int:
    """Return a number for one claim, by which it is told from every other, also of this process. It is negative, as a holder's is."""
    return -1 - secrets.randbelow(2**31 - 1)


@contextmanager
def kept(keep: Keep) -> Iterator[None]:
    """Call `keep` with the time every few seconds while the block runs: it renews what the block has claimed, and nothing else."""
    mine = object()
    with _lock:
        _kept[mine] = keep
        if os.getpid() not in _threads:
            thread = threading.Thread(target=_run, name="claims", daemon=True)
            _threads[os.getpid()] = thread
            thread.start()
    try:
        yield
    finally:
        with _lock:
            _kept.pop(mine, None)


def renew(now: datetime) -> bool:
    """Renew all that this process holds. Returns whether PostgreSQL took it."""
    taken = True
    for keep in list(_kept.values()):
        try:
            keep(now)
        except Exception as error:  # noqa: BLE001  # the others are to be renewed all the same
            logger.warning("a claim could not be renewed: %s", type(error).__name__)
            taken = False
            connection.close()
    return taken


def _run() -> None:
    """Renew, until nothing is held."""
    pause = threading.Event()
    wait = EVERY
    while True:
        pause.wait(wait)
        with _lock:
            if not _kept:
                del _threads[os.getpid()]
                return
        try:
            wait = EVERY if renew(database_clock.now()) else AGAIN
        finally:
            connection.close()
