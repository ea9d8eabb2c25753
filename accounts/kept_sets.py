"""Sets of accounts that filters go by where very many are asked about: a worker works them out every few minutes, before anybody asks.

A set is a hint: what is done to an account goes by what holds then, and of few accounts the filter asks the tables themselves.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Account, KeptSet

EVERY = timedelta(minutes=2)
REST = 50  # times as long as the last look took, at least, before the next: a fiftieth of one core
STALE = timedelta(hours=1)  # older ones are not asked: no worker looks at them now
MANY = 1_000  # accounts: up to here a filter asks the tables themselves
_LOCK = 7_404  # any number: of an advisory lock that holds as long as the transaction


@transaction.atomic
def look(name: str, write: Callable[[datetime], None], *, now: datetime) -> bool:
    """Have a set written anew, unless that was done a moment ago. Returns whether it was. Of two workers at once one does it."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, name])
        row = cursor.fetchone()
    last = KeptSet.objects.filter(pk=name).first()
    if not (row and row[0]) or (last is not None and now < due_at(last)):
        return False
    began = time.monotonic()
    write(now)
    took = timedelta(seconds=time.monotonic() - began)
    KeptSet.objects.update_or_create(pk=name, defaults={"at": now, "took": took})
    return True


def due_at(last: KeptSet) -> datetime:
    """Return when a set is to be worked out again."""
    return last.at + max(EVERY, REST * last.took)


def serves(name: str, accounts: QuerySet[Account], *, as_of: list[datetime] | None = None) -> bool:
    """Return whether these are so many accounts that the set is asked, and whether a worker looked lately; then `as_of` is told when.

    After an upgrade none has yet. Two queries, however many there are; one where no worker has.
    """
    looked = KeptSet.objects.filter(pk=name, at__gt=timezone.now() - STALE)
    at = looked.values_list("at", flat=True).first()
    if at is None or accounts.order_by().values("pk")[: MANY + 1].count() <= MANY:
        return False
    if as_of is not None:
        as_of.append(at)
    return True
