"""Stopping one's own copies of a macro's mails, by the link in the mail. The macro goes on for everybody else.

Who stopped stays on record; starting again ends the row and makes no new one.
"""

from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from macros import news
from macros.models import Macro, NewsNotice, Notice, OptOut
from macros.revalidation import all_notices_of
from notifications.models import Message
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


def macros_of(message: Message) -> list[Macro]:
    """Return the macros that named the reader of a mail. A stand-in is told because nobody else can be, and cannot stop that."""
    if message.kind == news.KIND:
        naming = Macro.objects.filter(actions__news__in=_news_naming(message))
    else:
        naming = Macro.objects.filter(actions__notices__in=_naming(message))
    return list(naming.distinct().order_by("name"))


def may_stop(message: Message) -> bool:
    """Return whether there are any."""
    naming = _news_naming(message) if message.kind == news.KIND else _naming(message)
    return naming.exists()


def _naming(message: Message) -> QuerySet[Notice]:
    return all_notices_of(message).exclude(action=None).exclude(via=Via.OPERATOR)


def _news_naming(message: Message) -> QuerySet[NewsNotice]:
    return news.all_notices_of(message).exclude(action=None).exclude(via=Via.OPERATOR)


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
    text = gettext("Mails to %(address)s were started again.") % {"address": opt_out.email}
    LogEntry.objects.log_actions(actor.pk, [opt_out.macro], CHANGE, text, single_object=True)
    return True
