"""What time it is by PostgreSQL's clock: the one that all hosts share.

Claims, dates and days are compared by whoever comes to them. A worker whose host is an hour ahead would take every claim of the others for
one that ran out, and one that is behind would make claims that ran out already: mails would leave twice. So background work reads the time
here, once at its door. Between two looks it goes on by the monotonic clock, which no correction of the host's clock moves.
"""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import DatabaseError, connection
from django.utils import timezone

logger = logging.getLogger(__name__)

LOOK_EVERY = 7.0  # seconds; `liveness` looks a little more often. A virtual machine that was paused knows of it when it looks
TRUSTED = 60.0  # seconds; a process that looks no more may have slept
_lock = threading.Lock()


class _Seen(NamedTuple):
    """One look: PostgreSQL's moment, and this host's monotonic clock."""

    at: datetime
    looked: float


class _LastLook:
    """The last look."""

    seen: _Seen | None = None


def now() -> datetime:
    """Return the moment by PostgreSQL's clock; by this host's own where PostgreSQL was never reached."""
    with _lock:
        if _LastLook.seen is None or time.monotonic() - _LastLook.seen.looked > LOOK_EVERY:
            _look()
        return timezone.now() if _LastLook.seen is None else _moment(_LastLook.seen)


def known() -> datetime:
    """Return the same without asking PostgreSQL, so without a wait: by this host's own clock where no `now` looked in the last minute.

    In background processes one does: signs of life and claims do it. A web server goes by its own clock.
    """
    seen = _LastLook.seen
    if seen is None or time.monotonic() - seen.looked > TRUSTED:
        return timezone.now()
    return _moment(seen)


def _moment(seen: _Seen) -> datetime:
    return seen.at + timedelta(seconds=time.monotonic() - seen.looked)


def seconds() -> float:
    """Return `known` as `time.time` would: seconds since 1970."""
    return known().timestamp()


def ahead_by() -> timedelta:
    """Return by how much this host's clock is ahead of PostgreSQL's. Raises DatabaseError."""
    return _ask()[0]


def _ask() -> tuple[timedelta, bool]:
    """Return that, and whether PostgreSQL takes what is written: a standby does not."""
    connection.ensure_connection()  # a wait for that would count as a wait for the answer
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp(), current_setting('transaction_read_only') = 'off'")
        at, takes = cursor.fetchone()
    took = timedelta(seconds=time.monotonic() - began)
    return timezone.now() - (at + took / 2), takes


def _look() -> None:
    """Ask PostgreSQL. Where it is away, what was known goes on."""
    try:
        look()
    except DatabaseError as error:
        logger.warning("the clock of PostgreSQL cannot be read: %s", type(error).__name__)


def look() -> bool:
    """Read PostgreSQL's clock. Returns whether it takes what is written. Raises DatabaseError."""
    ahead, takes = _ask()
    _LastLook.seen = _Seen((timezone.now() - ahead).astimezone(UTC), time.monotonic())
    return takes


def forget() -> None:
    """Look again at the next question, as a new process does."""
    _LastLook.seen = None
