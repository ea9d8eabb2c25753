"""The links in warnings by which their readers stop or snooze them, say that they are on it, or that an account is not theirs."""

from django.core import signing
from django.db.models import F, Q, QuerySet

from macros import news
from macros.models import NewsNotice, Notice
from macros.revalidation import all_notices_of
from notifications.models import Message
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
    """Return the same of a mail that is itself about accounts."""
    message = open_signed(signed)
    return message if message is not None and message.payload.keys() & {"evaluation", "news"} else None


def has_left(message: Message) -> bool:
    """Return whether the reader of a mail is a person who can no longer log in: nothing that they say of accounts is noted."""
    return User.objects.filter(email=message.recipient, is_active=False).exists()


def may_say(user: User | None) -> bool:
    """Return whether a reader may say by a mail that they are on it, or that an account is not theirs: everybody but auditors."""
    return user is None or not roles.only_looks(user)


def only_looks(message: Message) -> bool:
    """Return whether the reader of a mail is an auditor, who stops and snoozes the own mails and changes nothing else."""
    return not may_say(User.objects.filter(email=message.recipient).first())


def may_stop(message: Message) -> bool:
    """Return whether macros named the reader of a mail. A stand-in is told because nobody else can be, and cannot stop that."""
    return any(some.exists() for some in _naming(message))


def is_over(message: Message) -> bool:
    """Return whether all deadlines that a mail told of are others by now: its links silence nothing more, whoever has them."""
    told, at_once = notices_of(message)
    same = told.filter(Q(token=None, cycle=F("account__cycle")) | Q(cycle=F("token__cycle")))
    return not (same.exists() or at_once.filter(at__gte=F("account__cycle_since")).exists())


def notices_of(message: Message) -> tuple[QuerySet[Notice], QuerySet[NewsNotice]]:
    """Return all that a mail carries or carried: warnings, and what was told at once."""
    notices = all_notices_of(message) if "evaluation" in message.payload else Notice.objects.none()
    at_once = news.all_notices_of(message) if message.kind == news.KIND else NewsNotice.objects.none()
    return notices, at_once


def _naming(message: Message) -> tuple[QuerySet[Notice], QuerySet[NewsNotice]]:
    """Return the notices by which macros name the reader of a mail."""
    named = ~Q(action=None, was_of=None) & ~Q(via=Via.OPERATOR)
    notices, at_once = notices_of(message)
    return notices.filter(named), at_once.filter(named)
