"""What time it is by PostgreSQL's clock: the one that all hosts share.

Claims, dates and days are compared by whoever comes to them. A worker whose host is an hour ahead would take every claim of the others for
one that ran out, and one that is behind would make claims that ran out already: mails would leave twice. So background work reads the time
here, once at its door. Between two looks it goes on by the monotonic clock, which no correction of the host's clock moves.
"""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, connection
from django.utils import timezone

logger = logging.getLogger(__name__)

LOOK_EVERY = 60.0  # seconds
TELL_FROM = timedelta(seconds=2)  # by so much a host's clock may differ untold
_lock = threading.Lock()


class _Known:
    """When PostgreSQL was last asked, by both clocks."""

    at: datetime | None = None
    looked: float = 0.0


def now() -> datetime:
    """Return the moment by PostgreSQL's clock; by this host's own where PostgreSQL was never reached."""
    with _lock:
        passed = time.monotonic() - _Known.looked
        if _Known.at is None or passed > LOOK_EVERY:
            _look()
            passed = time.monotonic() - _Known.looked
        return timezone.now() if _Known.at is None else _Known.at + timedelta(seconds=passed)


def ahead_by() -> timedelta:
    """Return by how much this host's clock is ahead of PostgreSQL's. Raises DatabaseError."""
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    took = timedelta(seconds=time.monotonic() - began)
    return timezone.now() - (at + took / 2)


def _look() -> None:
    """Ask PostgreSQL. Where it is away, what was known goes on."""
    try:
        ahead = ahead_by()
    except DatabaseError as error:
        logger.warning("the clock of PostgreSQL cannot be read: %s", type(error).__name__)
        return
    if abs(ahead) >= TELL_FROM:
        logger.warning(
            "the clock of this host is %.0f s %s of PostgreSQL's, by which background work goes",
            abs(ahead.total_seconds()), "ahead" if ahead > timedelta(0) else "behind",
        )  # fmt: skip
    _Known.at, _Known.looked = (timezone.now() - ahead).astimezone(UTC), time.monotonic()


def forget() -> None:
    """Look again at the next question."""
    _Known.at = None
