"""A mail that is not taken for two days: where only its reader is not reached, somebody else is told; where nobody is, it waits.

What our own mail server or service does not let through says nothing of who was told, so no such mail is ever given up: that would count
as told. It waits, and says what holds when it leaves at last (`gathering`: together with what else waits for its reader).
"""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from notifications import kinds
from notifications.models import Message
from notifications.refusals import WORDS, Trouble
from ui import kept
from users import refused_addresses

AFTER = timedelta(hours=48)  # since it was queued, or our own side last kept it from leaving
DOUBT = timedelta(
    hours=6
)  # without any mail that was taken: then a refusal that says nothing of either is held to be our own


def is_time(row: Message, *, now: datetime) -> bool:
    """Return whether a message whose sending failed once more has been tried for long enough."""
    return now - row.queued_at >= AFTER


def is_over(row: Message, *, of_us: bool, now: datetime) -> bool:
    """Return whether a message is given up. What our own side keeps from leaving is not, but for what somebody waits for on a page."""
    if not of_us:
        return is_time(row, now=now)
    kind = kinds.KINDS.get(row.kind)
    return kind is not None and kind.for_now and now - (row.waits_since or row.queued_at) >= AFTER


def is_of_us(row: Message, trouble: Trouble | None, *, now: datetime) -> bool:
    """Return whether it is our own side that keeps a message from leaving: known at once, or after `DOUBT` in which nobody was reached."""
    if trouble is None:
        return False
    if trouble.ours:
        return True
    return now - row.queued_at >= DOUBT and not trouble.sure and not _taken_since(row).exists()


def keep_back(row: Message, *, now: datetime) -> None:
    """Note in a locked row that our own side keeps it from leaving. For how long its reader was not reached counts from now."""
    row.waits_since = row.waits_since or min(row.queued_at, now)
    row.queued_at = now


def note_others_reached(row: Message) -> None:
    """Note in a locked row that our own side no longer keeps it back, where others get their mails: its reader alone is not reached.

    Nor does it then keep back what a digest holds.
    """
    held = Message.objects.filter(digest=row.pk, state=Message.State.HELD, waits_since__isnull=False)
    if (row.waits_since is not None or held.exists()) and _taken_since(row).exists():
        row.waits_since = None
        held.update(waits_since=None)


def give_up(row: Message, reason: str, trouble: Trouble | None, *, now: datetime) -> None:
    """Note in a locked row that it failed, and park its reader's address, in the caller's transaction, which saves the row.

    A refusal that does not speak of the mailbox parks only where others were reached meanwhile, and this reader was not.
    """
    said = kept.said(reason)
    row.state = Message.State.FAILED
    row.error = kept.cut(kept.keep(WORDS, "given_up", hours=AFTER // timedelta(hours=1), said=said), 500)
    if trouble is None or trouble.ours:
        return
    if trouble.sure or not _taken_since(row).filter(recipient=row.recipient).exists():
        refused_addresses.note(row.recipient, said=said, now=now)


def _taken_since(row: Message) -> QuerySet[Message]:
    """Return the mails that were taken, of those written since this one was queued. By the index of the list."""
    return Message.objects.filter(state=Message.State.SENT, created_at__gte=row.queued_at)
