"""What waits to be mailed when a hold of this installation ends: kept, or cancelled where another copy of the database sent most of it."""

from datetime import datetime

from django.db.models import QuerySet

from notifications import claims
from notifications.models import Message

State = Message.State


def not_ended() -> QuerySet[Message]:
    """Return the messages that wait or are being sent."""
    return Message.objects.filter(state__in=[State.QUEUED, State.SENDING])


def keep(*, now: datetime) -> int:
    """Let what waits leave: each says then what holds then. The 48 hours until one is given up begin anew. Returns how many messages."""
    return not_ended().filter(queued_at__lt=now).update(queued_at=now)


def cancel(*, reason: str, written_before: datetime | None = None) -> list[Message]:
    """Cancel what waits, or of it what was written before a moment. It counts as told then. Returns it."""
    waiting = not_ended() if written_before is None else not_ended().filter(created_at__lt=written_before)
    return claims.cancel_all(waiting, reason=reason)
