"""Writing the stream."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from infra import locks
from infra.locks import Lock
from macros.events.models import KEPT, Event
from macros.events.queries import read_events

# What a transaction wrote is read at the latest so long after the moment that it names.
LATE = timedelta(minutes=15)


@transaction.atomic
def publish(now: datetime) -> list[Event]:
    """Write what happened since the last time. Returns it, in its order.

    One process does it at a time, so that ids grow in the order in which they can be read: who reads on from an id misses none.
    """
    if not locks.take_if_free(Lock.EVENTS):
        return []
    last = Event.objects.aggregate(at=Max("created_at"))["at"]
    found = read_events(max(now - KEPT, last - LATE) if last else now - KEPT, now)
    told = set(Event.objects.filter(key__in=[one.key for one in found]).values_list("key", flat=True))
    new = list({one.key: one for one in found if one.key not in told}.values())
    for one in new:
        one.created_at = now
    return Event.objects.bulk_create(new, batch_size=1_000)
