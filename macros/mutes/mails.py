"""The mail to an address in whose name something was said by the link of a mail: whoever that was forwarded to can press it, too.

All warnings were snoozed, or "I am on it" was said. It leads to the page of such links, which takes it back without a log-in.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.utils.translation import gettext_lazy

from accounts.mails import mailing
from accounts.models import Account
from macros import concerned
from macros.models import Mute
from macros.mutes import links
from notifications import composing, kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, dates

KIND = "by_link"  # of the messages
SHOWN = 20  # accounts


def tell_muted(made: Mute, *, answers: Message, now: datetime) -> None:
    """Write the message that all accounts are muted, in the caller's transaction. `answers`: the mail whose link was pressed."""
    outbox.enqueue(
        kind=KIND,
        recipient=made.email,
        dedupe_key=f"{KIND}:{made.pk}",
        payload={"mute": made.pk, "answers": answers.pk},
        now=now,
    )


def tell_on_it(*, answers: Message, accounts: Collection[Account], now: datetime) -> None:
    """Write the message that its reader is on these accounts: on those of which none was written yet for this link."""
    about = f"{KIND}:on_it:{answers.pk}:"
    written = Message.objects.filter(recipient=answers.recipient, kind=KIND, dedupe_key__startswith=about)
    told = {pk for payload in written.values_list("payload", flat=True) for pk in payload["accounts"]}
    if new := sorted({one.pk for one in accounts} - told):
        outbox.enqueue(
            kind=KIND,
            recipient=answers.recipient,
            team=answers.team,
            dedupe_key=f"{about}{new[0]}",
            payload={"accounts": new, "answers": answers.pk},
            now=now,
        )


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the snooze is over, or none of the accounts concerns the reader now.

    And where the address is another since: the link is of the old one. What was said of accounts it tells also where it was taken back.
    """
    answers = links.answered(message)
    what = _muted(message) if "mute" in message.payload else _accounts(message)
    if answers is not None and answers.recipient != message.recipient:
        raise NotWanted("other_address")
    reader = mailing.reader_of(message)
    back = addresses.absolute_url("answer_mail", links.sign(message))
    facts = {
        "email": message.recipient,
        "at": dates.moment(message.created_at, zone=reader.zone).full,
        "subject": answers.subject if answers else "",
        "back_url": back,
        **what,
    }
    return composing.without_link(mailing.compose(KIND, message, reader, facts), back)


def _muted(message: Message) -> Mapping[str, object]:
    mute = Mute.objects.running().filter(pk=message.payload["mute"]).first()
    if mute is None or mute.until is None:
        raise NotWanted("snooze_over")
    return {"until": dates.day(mute.until)}


def _accounts(message: Message) -> Mapping[str, object]:
    theirs = concerned.of(message.recipient, message.payload["accounts"])
    accounts = list(Account.objects.filter(pk__in=theirs).order_by("name", "pk"))
    if not accounts:
        raise NotWanted("accounts_gone")
    return {
        "name": accounts[0].name,
        "more": len(accounts) - 1,
        "accounts": accounts[:SHOWN],
        "unseen": max(0, len(accounts) - SHOWN),
    }


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=gettext_lazy("Said by the link of a mail"))
