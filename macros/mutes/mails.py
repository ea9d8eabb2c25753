"""What readers say by the links of warnings: these links, and the mail that somebody said something of accounts, by one or on a page.

Others who were warned hear that somebody is on it; and an address whose warnings were all snoozed by a link hears of that, since whoever
the mail was forwarded to can press it, too. That mail leads to the page of such links, which takes it back without a log-in.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.pool import mails as mailing
from accounts.renewal_links import services as renewal_links
from macros.models import Acknowledgement, Mute
from macros.mutes.models import left_out
from macros.notices.models import NEWS, WARNING, Notice, NoticeQuerySet, Told, ToldQuerySet
from macros.notices.queries import accounts_to_hear_of
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, Reader, register_kind, without_link
from ui import addresses, dates
from users.models import User

# --- the links in warnings by which their readers snooze them, or say that they are on it

SAID = "said"  # the kind of the messages of `macros.mutes.mails`
HIDDEN = "hidden"  # replaces in the kept copy what is the reader's alone
_SIGNER = signing.Signer(salt="macros.recipient")


def sign_message(message: Message) -> str:
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


def answered_mail(message: Message) -> Message | None:
    """Return the mail whose link said what this one tells its own reader; any other mail itself. None where it is gone."""
    if "answers" not in message.payload:
        return message
    return Message.objects.filter(pk=message.payload["answers"]).defer("text", "html").first()


def has_left(message: Message) -> bool:
    """Return whether the reader of a mail is a person who can no longer log in: nothing that they say of accounts is noted."""
    reader = message.reader
    return reader is not None and not reader.is_active


def may_say(user: User | None) -> bool:
    """Return whether a reader may say by a mail that they are on it: everybody but auditors."""
    return user is None or not user.only_looks


def only_looks(message: Message) -> bool:
    """Return whether the reader of a mail is an auditor, who stops and snoozes the own mails and changes nothing else."""
    return not may_say(message.reader)


def may_stop_mails(message: Message) -> bool:
    """Return whether macros named the reader of a mail. A stand-in is told because nobody else can be, and cannot stop that."""
    told, at_once = notices_of(message)
    return told.naming().exists() or at_once.naming().exists()


def foot_addresses(
    message: Message, *, user: User | None, may_stop: bool, asks: bool = True
) -> dict[str, str]:
    """Return the addresses of a mail's foot by the names that templates have for them, "" for those that it has not. Secrets.

    `may_stop`: macros name its reader, who is `user` where that is a person. `asks`: it has something that somebody can be on.
    """
    signed = sign_message(message)
    page = addresses.absolute_url("answer_mail", signed)
    return {
        "stop_url": addresses.absolute_url("stop_mails", signed) if may_stop else "",
        "page_url": page,
        "snooze_url": f"{page}?do=mute" if may_stop else "",
        "on_it_url": f"{page}?do=on_it" if may_say(user) and asks else "",
    }


def finish_mail(
    mail: Mail,
    message: Message,
    *,
    user: User | None,
    first: Account,
    stop: str,
    reply_to: str,
    now: datetime,
) -> Mail:
    """Return a mail as it leaves, with the personal links of its reader (`user` where that is a person), which its kept copy does not hold.

    Mail programs file it with the others about the deadline of its `first` account, and stop such mails by one press (RFC 8058) where it
    has the address that does (`stop`). An answer reaches these addresses (`reply_to`).
    """
    thread = f"<account-{first.pk}-{first.cycle}@{settings.BASE_HOST}>"
    headers = {"In-Reply-To": thread, "References": thread}
    if stop:
        headers |= {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return replace(
        renewal_links.put_personal_links(mail.hiding(sign_message(message), HIDDEN), user=user, now=now),
        headers=headers,
        reply_to=reply_to,
    )


def accounts_of(message: Message) -> list[Account]:
    """Return the accounts that a mail was about."""
    ids = {pk for told in notices_of(message) for pk in told.values_list("account_id", flat=True)}
    if message.kind == SAID:
        ids |= set(message.payload.get("accounts", ()))
    return list(Account.objects.filter(pk__in=ids).select_related("team").order_by("name", "pk"))


def is_over(message: Message) -> bool:
    """Return whether all deadlines that a mail told of are others by now: its links silence nothing more, whoever has them."""
    told, at_once = notices_of(message)
    return not (told.present().exists() or at_once.filter(at__gte=F("account__cycle_since")).exists())


def notices_of(message: Message) -> tuple[NoticeQuerySet, ToldQuerySet]:
    """Return all that a mail carries or carried, or the one that this one is about: warnings, and what was told at once."""
    about = message.payload.get("answers", message.pk)
    return Notice.objects.filter(message=about), Told.objects.filter(message=about)


ON_IT, OWN_MUTE = "on_it", "own_mute"  # what was said
SHOWN = 10  # accounts


def tell_muted(made: Mute, *, answers: Message, now: datetime) -> None:
    """Write the message that all accounts are muted, in the caller's transaction. `answers`: the mail whose link was pressed."""
    outbox.enqueue(
        kind=SAID,
        recipient=made.email,
        dedupe_key=f"{OWN_MUTE}:{made.pk}",
        payload={"what": OWN_MUTE, "mute": made.pk, "answers": answers.pk},
        now=now,
    )


def build_said(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where what was said is over, or none of the accounts concerns the reader now."""
    reader, said = mailing.reader_of(message), message.payload
    if "answers" in said:
        return _muted(message, reader)
    if said["what"] != ON_IT:  # 0.2.0 mailed, too, that an account is no longer somebody's
        raise NotWanted("stands_in_history")
    page = {"page_url": addresses.absolute_url("answer_mail", sign_message(message))}
    facts = {"what": ON_IT, **_on_it(message, reader), **page}
    return mailing.compose_account_mail(SAID, message, reader, facts).hiding(sign_message(message), HIDDEN)


def _muted(message: Message, reader: mailing.ReaderWithNames) -> Mail:
    """Return the mail to the address that is muted. Raises NotWanted where that is another since: the link is of the old one."""
    answers = answered_mail(message)
    if answers is not None and answers.recipient != message.recipient:
        raise NotWanted("other_address")
    mute = Mute.objects.running().filter(pk=message.payload.get("mute")).first()
    if mute is None or mute.until is None:
        raise NotWanted("snooze_over")
    back = addresses.absolute_url("answer_mail", sign_message(message))
    facts = {
        "what": OWN_MUTE,
        "until": dates.day(mute.until),
        "email": message.recipient,
        "at": dates.moment(message.created_at, zone=reader.zone).full,
        "subject": answers.subject if answers else "",
        "back_url": back,
    }
    return without_link(mailing.compose_account_mail(SAID, message, reader, facts), back)


def _on_it(message: Message, reader: mailing.ReaderWithNames) -> Mapping[str, object]:
    said = message.payload
    ids = accounts_to_hear_of({message.recipient: said["accounts"]})[message.recipient]
    ids = _still_on_it(message, ids)
    accounts = list(Account.objects.filter(pk__in=ids).order_by("name", "pk"))
    if not accounts:
        raise NotWanted("accounts_gone")
    by = User.objects.filter(pk=said.get("by")).first()
    return {
        "who": reader.names.user(by) if by else said.get("who", ""),
        "name": accounts[0].name,
        "more": len(accounts) - 1,
        "count": len(accounts),
        "accounts": [(one, _until(one, reader)) for one in accounts[:SHOWN]],
        "unseen": max(0, len(accounts) - SHOWN),
    }


def _still_on_it(message: Message, ids: Collection[int]) -> set[int]:
    """Return on which of these accounts (ids) they are whom the mail names: somebody else may be since, while the mail waited.

    Raises NotWanted where that is none, or its reader is told nothing of these.
    """
    told = Account.objects.filter(pk__in=ids).exclude(left_out(message.recipient))
    heard = set(told.values_list("pk", flat=True))
    if not heard:
        raise NotWanted("reader_left_out")
    by, who = message.payload["by"], message.payload["who"]
    running = Acknowledgement.objects.running(heard)
    still = {one.account_id for one in running if one.by_id == by and (by is not None or one.email == who)}
    if not still:
        raise NotWanted("taken_back")
    return still


def _until(account: Account, reader: Reader) -> str:
    if account.deadline is None or account.is_deactivated:
        return ""
    return dates.moment(account.deadline, zone=reader.zone).full


def register() -> None:
    """Say how the mail of what was said is built."""
    register_kind(SAID, build_said, name=_("Said by the link of a mail"), asks=True)
