"""Events, and shortages of people, that are looked at again later, so that macros tell of them then if they still hold.

A shortage stands among the events by its number below 0, as in a notice.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import connection
from django.db.models import Max

from accounts.models import Account, AccountEvent
from macros.models import DelayedEvent


def delay(due: Mapping[int, datetime]) -> None:
    """Have events (id -> when) looked at again."""
    rows = [DelayedEvent(event=event, due_at=at) for event, at in due.items()]
    DelayedEvent.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["event"], update_fields=["due_at"]
    )


def take_due(now: datetime) -> list[int]:
    """Return the events and shortages that are due, and forget them, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("delete from macros_delayedevent where due_at <= %s returning event", [now])
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


def look_again_at_deactivated(account_ids: Collection[int], *, now: datetime) -> None:
    """The same for what deactivated accounts."""
    events = AccountEvent.objects.filter(
        account__in=account_ids,
        account__state=Account.State.DEACTIVATED,
        kind=AccountEvent.Kind.DEACTIVATED,
    )
    look_again(
        events.order_by().values("account").annotate(last=Max("pk")).values_list("last", flat=True), now=now
    )
