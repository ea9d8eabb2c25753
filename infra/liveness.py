"""Claims that live as long as whoever holds them: each is short, and a thread of the process renews it while the work goes on.

So it ends within `CLAIM` of its process, however that ended, and lasts as long as the work does. PostgreSQL could tell a direct connection
whose process has died, but behind a pooler such as PgBouncer a connection says nothing about who uses it. The time is PostgreSQL's, see
`infra.database_clock`: the clocks of hosts may differ by more than a claim lasts.
"""

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.db import connection

from infra import database_clock

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=20)
EVERY = 5.0  # seconds between two renewals
AGAIN = 1.0  # seconds after one that PostgreSQL did not take

BREAK = 10.0  # seconds between two answers of PostgreSQL: after a longer one claims of the living may have run out
WATCHES_FOR = 300.0  # seconds after somebody last wanted to know

Keep = Callable[[datetime], object]

_kept: dict[object, Keep] = {}
_threads: dict[int, threading.Thread] = {}  # by process id: a forked process has none of its parent's
_holders: dict[int, int] = {}
_lock = threading.Lock()


class _Reached:
    """Since when PostgreSQL answers this process without a break, when it did last, and until when that is watched: monotonic seconds."""

    since = last = watched_until = float("-inf")


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
        _have_thread(EVERY)
    try:
        yield
    finally:
        with _lock:
            _kept.pop(mine, None)


def _have_thread(wait: float) -> None:
    """Start this process's thread where there is none that lives; its first turn comes after `wait` seconds."""
    thread = _threads.get(os.getpid())
    if thread is None or not thread.is_alive():
        _threads[os.getpid()] = thread = threading.Thread(
            target=_run, args=(wait,), name="claims", daemon=True
        )
        thread.start()


def watch() -> None:
    """Begin to check whether PostgreSQL answers, for whoever may come to take over what others held."""
    with _lock:
        _Reached.watched_until = time.monotonic() + WATCHES_FOR
        _have_thread(0)


def may_take_over() -> bool:
    """Return whether a claim that has run out by now was left by a process that is gone.

    Nobody can renew a claim while PostgreSQL or the way to it is away. So whoever is back first leaves the others the time of a claim to
    say that they live: it takes over only once PostgreSQL has answered it for so long without a break. Asking has it watched.
    """
    watch()
    now = time.monotonic()
    return now - _Reached.last <= BREAK and now - _Reached.since >= CLAIM.total_seconds()


def look() -> bool:
    """Note whether PostgreSQL answers, and takes what is written: a standby does not. It reads the clock by the way."""
    try:
        answers = database_clock.look()
    except Exception as error:  # noqa: BLE001  # whatever it is, PostgreSQL did not answer
        logger.warning("PostgreSQL does not answer: %s", type(error).__name__)
        return False
    if answers:
        now = time.monotonic()
        if now - _Reached.last > BREAK:
            _Reached.since = now
        _Reached.last = now
    return answers


def renew(now: datetime) -> bool:
    """Renew all that this process holds. Returns whether PostgreSQL took it."""
    taken = True
    for keep in list(_kept.values()):
        try:
            keep(now)
        except Exception as error:  # noqa: BLE001  # the others are to be renewed all the same
            logger.warning("a claim could not be renewed: %s", type(error).__name__)
            taken = False
            _close()
    return taken


def _run(wait: float) -> None:
    """Renew and look, until nothing is held and nobody wants to know, or another thread has the place."""
    pause = threading.Event()
    while True:
        pause.wait(wait)
        with _lock:
            if _threads.get(os.getpid()) is not threading.current_thread():
                return
            if not _kept and time.monotonic() > _Reached.watched_until:
                del _threads[os.getpid()]
                return
        try:
            wait = EVERY if look() and renew(database_clock.now()) else AGAIN
        except Exception:
            logger.exception("claims could not be renewed")
            wait = AGAIN
        finally:
            _close()


def _close() -> None:
    """Give the connection back. One that cannot be closed, as it broke, ends no thread."""
    with suppress(Exception):
        connection.close()
