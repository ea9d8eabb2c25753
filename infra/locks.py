"""Advisory locks of PostgreSQL, for what has no row to lock. Each holds until the caller's transaction ends."""

from enum import IntEnum

from django.db import connection


class Lock(IntEnum):
    """What one does at a time. Any numbers; `migrate` and the tests have others."""

    MUTES = 7_406  # of an address: no row of a person may be there
    EVALUATION = 7_407  # two by hand on different dates would tell one recipient twice
    TELLING = 7_408  # two would write one person two mails
    EVENTS = 7_410  # ids of the stream grow in the order in which they can be read
    CLAIMS = 7_409  # two at once would not see whom the other one mails


def take(lock: Lock, of: str = "") -> None:
    """Wait until nobody else has the lock, of one thing where it is named, and have it."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [lock, of])


def take_if_free(lock: Lock) -> bool:
    """Have the lock if nobody else has it; returns whether."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s, hashtext(''))", [lock])
        row = cursor.fetchone()
    return bool(row and row[0])
