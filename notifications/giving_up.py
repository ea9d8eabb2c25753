"""A mail that its server would not take for two days is given up. Where it was the recipient that was refused, somebody else is told."""

from datetime import datetime, timedelta

from notifications.models import Message
from notifications.refusals import WORDS
from ui import kept
from users import refused_addresses
from users.models import RefusedAddress

AFTER = timedelta(hours=48)  # since it was queued
Why = RefusedAddress.Why


def is_time(row: Message, *, now: datetime) -> bool:
    """Return whether a message whose sending failed once more is not tried again."""
    return now - row.queued_at >= AFTER


def give_up(row: Message, reason: str, *, parks_as: Why | None, now: datetime) -> None:
    """Note in a locked row that it failed, and park its reader's address as `parks_as`, in the caller's transaction, which saves the row.

    A policy says nothing of the address where our mails reach nobody: then none is parked for it.
    """
    said = kept.said(reason)
    row.state = Message.State.FAILED
    row.error = kept.cut(kept.keep(WORDS, "given_up", hours=AFTER // timedelta(hours=1), said=said), 500)
    if parks_as == Why.REFUSED or (parks_as is not None and _only_others_were_reached(row)):
        refused_addresses.note(row.recipient, said=said, now=now, why=parks_as, message=row.pk)


def _only_others_were_reached(row: Message) -> bool:
    """Return whether mails were taken that were written since this one was queued, and none to its recipient. By the index of the list."""
    taken = Message.objects.filter(state=Message.State.SENT, created_at__gte=row.queued_at)
    return taken.exists() and not taken.filter(recipient=row.recipient).exists()
