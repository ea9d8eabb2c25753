"""What our own mail server or service keeps from leaving: never given up, counted for staff, and seen as late."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, QuerySet

from notifications.models import Message

WAITS_AT_MOST = timedelta(minutes=5)  # for which a mail that is due may wait
LATE = timedelta(hours=1)  # a mail that left later than that came late
State = Message.State
WAITS = (State.QUEUED, State.HELD)

# Also what no worker has come to since, with the hour from which 48 count (`giving_up`); each row once an hour, however often it is asked.
_KEEP_BACK = """
update notifications_message m set waits_since = coalesce(m.waits_since, least(m.queued_at, %(now)s)), queued_at = %(now)s
from (select id from notifications_message
      where state = 'queued' and (next_attempt_at <= %(now)s or waits_since is not null)
        and (waits_since is null or queued_at < %(now)s - interval '1 hour')
      order by id for no key update skip locked) waiting
where m.id = waiting.id"""


def keep_back_all(*, now: datetime) -> None:
    """Note of all that is due that our mail server is away."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_BACK, {"now": now})


def waiting(messages: QuerySet[Message] | None = None) -> QuerySet[Message]:
    """Keep the messages that wait because our own mail server or service did not take them, those in a digest included. By an index."""
    found = Message.objects.all() if messages is None else messages
    return found.filter(state__in=WAITS, waits_since__isnull=False)


def queued_for(recipient: object) -> QuerySet[Message]:
    """Return those of them that are to be sent to a recipient, which may be an expression. By the index of the recipient."""
    return Message.objects.filter(recipient=recipient, state=State.QUEUED, waits_since__isnull=False)


def since() -> datetime | None:
    """Return since when the oldest of them waits; None where none does."""
    return waiting().order_by("waits_since").values_list("waits_since", flat=True).first()


def came_late(messages: QuerySet[Message], *, after: datetime) -> QuerySet[Message]:
    """Keep the messages that left since then, late by more than `LATE` for that reason. By an index."""
    late = messages.filter(state=State.SENT, waits_since__isnull=False, sent_at__gt=after)
    return late.filter(sent_at__gt=F("waits_since") + LATE)
