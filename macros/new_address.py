"""What goes by a person's e-mail address goes along to their new one, in the same transaction; and ends with a person who is deleted.

That is what they snoozed, which mails they stopped, what they are on, and what their mails that wait carry. Where macros or a weekly
digest name the old address itself, it goes on being mailed, by what was said of it: that then holds for both. Links in mails that went to
the old address say nothing of the new one, since somebody else may read it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from macros import news, opt_outs, revalidation, snoozing
from macros.models import (
    Acknowledgement,
    DigestAddress,
    DigestStop,
    MacroAction,
    NewsNotice,
    Notice,
)
from notifications import kinds
from notifications.models import Message
from users.models import User


def take_along(*, user: User, old: str, now: datetime, **_kwargs: Any) -> None:
    """Have it be of the new address. Where the same runs there already, what was of the old one ends."""
    new, stays = user.email, _is_named(old)
    snoozing.one_at_a_time(new)
    was_away = snoozing.of_person(new) is not None
    kept: tuple[tuple[QuerySet[Any], tuple[str, ...]], ...] = (
        (snoozing.running(), ("account_id", "macro_id")),
        (opt_outs.running(), ("macro_id",)),
        (DigestStop.objects.all(), ("team_id",)),
    )
    for found, by in kept:
        there = set(found.filter(email=new).values_list(*by))
        rows = list(found.filter(email=old).order_by("pk").select_for_update(of=("self",)))
        along = [row for row in rows if tuple(getattr(row, name) for name in by) not in there]
        _readdress(found, along, new, copied=stays)
    if not was_away and (away := snoozing.of_person(new)) is not None:
        snoozing.note_snoozed(away, now)
    if not stays:
        _end(old, now)
    Acknowledgement.objects.filter(email=old).update(email=new)


def end_of_deleted(*, instance: User, now: datetime) -> None:
    """End what a person who was deleted had snoozed and stopped: whoever gets the address later is mailed."""
    if not _is_named(instance.email):
        _end(instance.email, now)


def _is_named(email: str) -> bool:
    """Return whether an address is mailed whoever has it, or nobody."""
    return (
        MacroAction.objects.filter(emails__contains=[email]).exists()
        or DigestAddress.objects.filter(email=email).exists()
    )


def _readdress(running: QuerySet[Any], rows: Sequence[Any], new: str, *, copied: bool) -> None:
    if not copied:
        running.filter(pk__in=[row.pk for row in rows]).update(email=new)
        return
    for row in rows:
        row.pk, row.email = None, new
    running.bulk_create(rows)


def _end(email: str, now: datetime) -> None:
    """End what is of an address still. What a snooze kept from it is not looked at: nobody reads it."""
    snoozing.running().filter(email=email).update(ended_at=now)
    opt_outs.running().filter(email=email).update(ended_at=now)
    DigestStop.objects.filter(email=email).delete()


def of_warnings(message: Message, new: str) -> bool:
    """Have the notices of a warning that waits be of its reader's new address, but for what that is told already.

    Returns False, and leaves it, where a macro that is in it names the old address itself.
    """
    told = Notice.objects.filter(recipient=new).exclude(outcome=Notice.Outcome.DROPPED)
    same = told.filter(**_outer("action", "account", "cycle", "threshold"))
    of_log_in = Exists(same.filter(token=OuterRef("token")))
    known = of_log_in | Q(Exists(same.filter(token=None)), token=None)
    return _readdress_notices(revalidation.all_notices_of(message), known, message.recipient, new)


def of_news(message: Message, new: str) -> bool:
    """The same of what a mail tells at once."""
    told = NewsNotice.objects.filter(recipient=new).exclude(outcome=NewsNotice.Outcome.DROPPED)
    known = Q(Exists(told.filter(**_outer("action", "event"))))
    return _readdress_notices(news.all_notices_of(message), known, message.recipient, new)


def _outer(*names: str) -> dict[str, OuterRef]:
    return {name: OuterRef(name) for name in names}


def _readdress_notices(notices: QuerySet[Any], known: Q, old: str, new: str) -> bool:
    if notices.filter(action__emails__contains=[old]).exists():
        return False
    reason = kinds.reason("deleted_or_told")
    notices.filter(known).update(outcome=Notice.Outcome.DROPPED, outcome_reason=reason)
    notices.update(recipient=new)
    return True
