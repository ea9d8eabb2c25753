"""The links in warnings by which their readers snooze them, say that they are on it, or that an account is not theirs."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.db.models import F, Q

from accounts.models import Account
from accounts.renewal_links import services as renewal_links
from macros.notices.models import NEWS, WARNING, Notice, NoticeQuerySet, Told, ToldQuerySet
from notifications.models import Message
from notifications.outbox.kinds import Mail
from ui import addresses
from users.models import User
from users.people.recipients import Via, reply_to

SAID = "said"  # the kind of the messages of `macros.mutes.mails`
HIDDEN = "hidden"  # replaces in the kept copy what is the reader's alone
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


def open_told(signed: str) -> Message | None:
    """Return the same of a mail about accounts, or of one that something was said by such a link."""
    message = open_signed(signed)
    return message if message is not None and message.kind in {SAID, NEWS, WARNING} else None


def answered(message: Message) -> Message | None:
    """Return the mail whose link said what this one tells its own reader; any other mail itself. None where it is gone."""
    if "answers" not in message.payload:
        return message
    return Message.objects.filter(pk=message.payload["answers"]).defer("text", "html").first()


def has_left(message: Message) -> bool:
    """Return whether the reader of a mail is a person who can no longer log in: nothing that they say of accounts is noted."""
    return User.objects.filter(email=message.recipient, is_active=False).exists()


def may_say(user: User | None) -> bool:
    """Return whether a reader may say by a mail that they are on it, or that an account is not theirs: everybody but auditors."""
    return user is None or not user.only_looks


def only_looks(message: Message) -> bool:
    """Return whether the reader of a mail is an auditor, who stops and snoozes the own mails and changes nothing else."""
    return not may_say(User.objects.filter(email=message.recipient).first())


def may_stop(message: Message) -> bool:
    """Return whether macros named the reader of a mail. A stand-in is told because nobody else can be, and cannot stop that."""
    return any(some.exists() for some in _naming(message))


def foot(message: Message, *, user: User | None, may_stop: bool, asks: bool = True) -> dict[str, str]:
    """Return the addresses of a mail's foot by the names that templates have for them, "" for those that it has not. Secrets.

    `may_stop`: macros name its reader, who is `user` where that is a person. `asks`: it has something that somebody can be on.
    """
    signed = sign(message)
    page = addresses.absolute_url("answer_mail", signed)
    says = may_say(user)
    return {
        "stop_url": addresses.absolute_url("stop_mails", signed) if may_stop else "",
        "snooze_url": page if may_stop else "",
        "not_mine_url": f"{page}?do=not_mine" if says else "",
        "on_it_url": f"{page}?do=on_it" if says and asks else "",
    }


def finished(
    mail: Mail,
    message: Message,
    *,
    user: User | None,
    first: Account,
    stop: str,
    teams: Collection[int | None],
    now: datetime,
) -> Mail:
    """Return a mail as it leaves, with the personal links of its reader (`user` where that is a person), which its kept copy does not hold.

    Mail programs file it with the others about the deadline of its `first` account, and stop such mails by one press (RFC 8058) where it
    has the address that does (`stop`). An answer reaches who looks after these teams (ids).
    """
    thread = f"<account-{first.pk}-{first.cycle}@{settings.BASE_HOST}>"
    headers = {"In-Reply-To": thread, "References": thread}
    if stop:
        headers |= {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return replace(
        renewal_links.personal(mail.hiding(sign(message), HIDDEN), user=user, now=now),
        headers=headers,
        reply_to=reply_to(teams, reader=message.recipient),
    )


def is_over(message: Message) -> bool:
    """Return whether all deadlines that a mail told of are others by now: its links silence nothing more, whoever has them."""
    told, at_once = notices_of(message)
    same = told.filter(Q(token=None, cycle=F("account__cycle")) | Q(cycle=F("token__cycle")))
    return not (same.exists() or at_once.filter(at__gte=F("account__cycle_since")).exists())


def notices_of(message: Message) -> tuple[NoticeQuerySet, ToldQuerySet]:
    """Return all that a mail carries or carried, or the one that this one is about: warnings, and what was told at once."""
    about = message.payload.get("answers", message.pk)
    return Notice.objects.filter(message=about), Told.objects.filter(message=about)


def _naming(message: Message) -> tuple[NoticeQuerySet, ToldQuerySet]:
    """Return the notices by which macros name the reader of a mail."""
    named = ~Q(action=None, was_of=None) & ~Q(via=Via.OPERATOR)
    notices, at_once = notices_of(message)
    return notices.filter(named), at_once.naming()
