"""Events, and shortages of people, that are looked at again later, so that macros tell of them then if they still hold.

A shortage stands among the events by its number below 0, as in a notice.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import connection
from django.db.models import F, Max, QuerySet

from accounts.models import AccountEvent

# In order: who writes and who takes the same rows wait for one another, and neither for both.
_DELAY = """
insert into macros_delayedevent as waits (event, due_at)
select * from unnest(%s::bigint[], %s::timestamptz[]) due(event, due_at) order by event
on conflict (event) do update set due_at = least(waits.due_at, excluded.due_at)"""
_TAKE = """
with due as materialized (select id from macros_delayedevent where due_at <= %s order by event for update)
delete from macros_delayedevent waits using due where waits.id = due.id returning waits.event"""


def delay(due: Mapping[int, datetime]) -> None:
    """Have events (id -> when) looked at again, those that wait already no later than that: they wait for other readers."""
    if not due:
        return
    with connection.cursor() as cursor:
        cursor.execute(_DELAY, [list(due), list(due.values())])


def written(rows: Iterable[tuple[int | None, datetime | None, int]]) -> tuple[int, dict[int, datetime]]:
    """Return of what `news_sql.WRITTEN` says how many notices were written, and which events are looked at again when."""
    number, later = 0, dict[int, datetime]()
    for event, due, some in rows:
        number += some
        if event is not None and due is not None:
            later[event] = due
    return number, later


def take_due(now: datetime) -> list[int]:
    """Return the events and shortages that are due, and forget them, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [now])
        return [row[0] for row in cursor.fetchall()]


def split(due: Iterable[int]) -> tuple[list[int], list[int]]:
    """Return the ids of events, and those of shortages."""
    numbers = sorted(due)
    return [one for one in numbers if one > 0], [-one for one in numbers if one < 0]


def of_shortages(due: Mapping[int, datetime]) -> dict[int, datetime]:
    """Return shortages (id -> when) as they stand among events."""
    return {-shortage: at for shortage, at in due.items()}


def look_again(events: Iterable[int], *, now: datetime) -> None:
    """Have events looked at at once: who was to be told of them could not be, so whoever stands in is."""
    delay(dict.fromkeys(events, now))


def of_what_stopped() -> QuerySet[AccountEvent]:
    """Return the events by which accounts came to their state in which nothing serves them."""
    kinds = [AccountEvent.Kind.DEACTIVATED, AccountEvent.Kind.INTERRUPTED]
    return AccountEvent.objects.filter(kind__in=kinds, account__state=F("kind"))


def look_again_at_deactivated(account_ids: Collection[int], *, now: datetime) -> None:
    """The same for what deactivated accounts, or interrupted them."""
    events = of_what_stopped().filter(account__in=account_ids)
    look_again(
        events.order_by().values("account").annotate(last=Max("pk")).values_list("last", flat=True), now=now
    )
