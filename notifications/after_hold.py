"""What waits to be mailed when a hold of this installation ends: kept, or cancelled where another copy of the database sent most of it."""

from datetime import datetime

from django.db import transaction
from django.db.models import DateTimeField, F, QuerySet
from django.db.models.functions import Coalesce

from notifications import claims, giving_up, kinds
from notifications.models import Message

State = Message.State


def not_ended() -> QuerySet[Message]:
    """Return the messages that wait or are being sent."""
    return Message.objects.filter(state__in=[State.QUEUED, State.SENDING, State.HELD])


@transaction.atomic
def keep(*, now: datetime, reason: str) -> tuple[int, list[Message]]:
    """Let what waits leave: each says then what holds then. Returns how many messages, and those that were cancelled all the same.

    On hold none was tried, so the 48 hours until one is given up begin anew. What somebody waited for on a page that long ago (a new
    password, a test) is cancelled for this reason.
    """
    for_now = [name for name, kind in kinds.KINDS.items() if kind.for_now]
    asked = Coalesce("waits_since", F("queued_at"), output_field=DateTimeField())
    stale = not_ended().filter(kind__in=for_now).alias(asked=asked).filter(asked__lte=now - giving_up.AFTER)
    cancelled = claims.cancel_all(stale, reason=reason)
    # What a digest holds keeps its hour: the digest says whether it comes in time.
    waiting = not_ended().exclude(state=State.HELD).exclude(kind__in=for_now)
    waiting.filter(queued_at__lt=now).update(queued_at=now)
    return not_ended().count(), cancelled


@transaction.atomic
def cancel(*, reason: str, written_before: datetime | None = None) -> list[Message]:
    """Cancel what waits, or of it what was written before a moment. It counts as told then. Returns it."""
    waiting = not_ended() if written_before is None else not_ended().filter(created_at__lt=written_before)
    return claims.cancel_all(waiting, reason=reason)
