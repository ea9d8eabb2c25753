"""Stopping one's own copies of a macro's mails, by the link in the mail. The macro goes on for everybody else.

Who stopped stays on record; starting again ends the row and makes no new one.
"""

from datetime import datetime
from functools import reduce
from operator import or_

from django.contrib.admin.models import CHANGE, LogEntry
from django.core import signing
from django.db import transaction
from django.db.models import Q, QuerySet

from macros import news
from macros.models import Macro, NewsNotice, Notice, OptOut
from macros.revalidation import all_notices_of
from notifications import digests
from notifications.models import Message
from ui import kept
from users import roles
from users.models import User
from users.recipients import Via

_SIGNER = signing.Signer(salt="macros.recipient")


def sign(message: Message) -> str:
    """Return what identifies a message in the links of its mail. A secret: for the mail that is being sent, never stored."""
    return _SIGNER.sign(str(message.pk))


def open_signed(signed: str) -> Message | None:
    """Return the message whose mail holds the link; None for a link that is cut or forged, or where the message is gone."""
    try:
        pk = _SIGNER.unsign(signed)
    except signing.BadSignature:
        return None
    return Message.objects.select_related("team").defer("text", "html").filter(pk=pk).first()


def open_warning(signed: str) -> Message | None:
    """Return the same of a mail that is itself about accounts; None also for a digest, in which nobody says whose accounts they are."""
    message = open_signed(signed)
    return message if message is not None and message.payload.keys() & {"evaluation", "news"} else None


def open_told(signed: str) -> Message | None:
    """Return the same of a mail about accounts, or of a digest that tells one."""
    message = open_signed(signed)
    if message is None or message.kind != digests.KIND:
        return open_warning(signed)
    return message if any(some.exists() for some in notices_of(message)) else None


def has_left(message: Message) -> bool:
    """Return whether the reader of a mail is a person who can no longer log in: nothing that they say of accounts is noted."""
    return User.objects.filter(email=message.recipient, is_active=False).exists()


def may_say(user: User | None) -> bool:
    """Return whether a reader may say by a mail that they are on it, or that an account is not theirs: everybody but auditors."""
    return user is None or not roles.only_looks(user)


def only_looks(message: Message) -> bool:
    """Return whether the reader of a mail is an auditor, who stops and snoozes the own mails and changes nothing else."""
    return not may_say(User.objects.filter(email=message.recipient).first())


def macros_of(message: Message) -> list[Macro]:
    """Return the macros that named the reader of a mail. A stand-in is told because nobody else can be, and cannot stop that."""
    pairs = (some.order_by().values_list("action__macro", "was_of").distinct() for some in _naming(message))
    ids = {pk for each in pairs for macro, before in each if (pk := macro or before) is not None}
    return list(Macro.objects.filter(pk__in=ids).order_by("name"))


def may_stop(message: Message) -> bool:
    """Return whether there are any."""
    return any(some.exists() for some in _naming(message))


def notices_of(message: Message) -> tuple[QuerySet[Notice], QuerySet[NewsNotice]]:
    """Return all that a mail carries or carried, or the mails that a digest tells: warnings, and what was told at once."""
    told = digests.held_by(message) if message.kind == digests.KIND else [message]
    notices = (all_notices_of(one) for one in told if "evaluation" in one.payload)
    at_once = (news.all_notices_of(one) for one in told if one.kind == news.KIND)
    return reduce(or_, notices, Notice.objects.none()), reduce(or_, at_once, NewsNotice.objects.none())


def _naming(message: Message) -> tuple[QuerySet[Notice], QuerySet[NewsNotice]]:
    """Return the notices by which macros name the reader of a mail, or of the mails that a digest tells."""
    named = ~Q(action=None, was_of=None) & ~Q(via=Via.OPERATOR)
    notices, at_once = notices_of(message)
    return notices.filter(named), at_once.filter(named)


def stopped(message: Message) -> list[Macro]:
    """Return which of these macros do not mail the reader now, because they stopped their copies."""
    rows = running().filter(email=message.recipient, macro__in=macros_of(message))
    return [row.macro for row in rows.select_related("macro").order_by("macro__name")]


def running() -> QuerySet[OptOut]:
    """Return who has stopped copies and not started them again."""
    return OptOut.objects.filter(ended_at=None)


@transaction.atomic
def stop(*, message: Message, now: datetime) -> None:
    """Stop the copies of whoever a mail went to, of the macros that are in it. Doing it again changes nothing."""
    for macro in macros_of(message):
        OptOut.objects.get_or_create(
            macro=macro, email=message.recipient, ended_at=None, defaults={"started_at": now}
        )


def start_again(*, message: Message, now: datetime) -> None:
    """Undo it, by whoever a mail went to."""
    person = User.objects.filter(email=message.recipient).first()
    running().filter(email=message.recipient, macro__in=macros_of(message)).update(
        ended_at=now, ended_by=person
    )


@transaction.atomic
def start_again_by_staff(*, opt_out: OptOut, actor: User, now: datetime) -> bool:
    """Undo it, by staff, with one entry in the macro's history. Return False where somebody was faster."""
    if not running().filter(pk=opt_out.pk).update(ended_at=now, ended_by=actor):
        return False
    text = kept.keep("words/history.txt", "mails_again", address=opt_out.email)
    LogEntry.objects.log_actions(actor.pk, [opt_out.macro], CHANGE, text, single_object=True)
    return True
