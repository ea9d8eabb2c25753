"""The mail to an address in whose name somebody said "I am on it" by the link of a mail: whoever that was forwarded to can press it, too.

It leads to the page of that link, which takes it back.
"""

from collections.abc import Collection
from datetime import datetime

from django.utils.translation import gettext_lazy

from accounts.mails import mailing
from accounts.models import Account
from macros import concerned, opt_outs
from notifications import composing, kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, dates

KIND = "on_it_said"  # of the messages
SHOWN = 20


def tell(*, answers: Message, accounts: Collection[Account], now: datetime) -> None:
    """Write the message, in the caller's transaction: about the accounts of which none was written yet for this link, said again or not.

    `answers`: the mail whose link was pressed; its reader is told.
    """
    about = f"{KIND}:{answers.pk}:"
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
    """Build the mail, also where it was taken back since: that was done by the same link.

    Raises NotWanted where none of the accounts concerns the reader now, or their address is another since: the link is of the old one.
    """
    theirs = concerned.of(message.recipient, message.payload["accounts"])
    accounts = list(Account.objects.filter(pk__in=theirs).order_by("name", "pk"))
    answers = Message.objects.filter(pk=message.payload["answers"]).defer("text", "html").first()
    if not accounts or answers is None:
        raise NotWanted("accounts_gone")
    if answers.recipient != message.recipient:
        raise NotWanted("other_address")
    reader = mailing.reader_of(message)
    back = addresses.absolute_url("on_it", opt_outs.sign(answers))
    facts = {
        "email": message.recipient,
        "at": dates.moment(message.created_at, zone=reader.zone).full,
        "subject": answers.subject,
        "name": accounts[0].name,
        "more": len(accounts) - 1,
        "accounts": accounts[:SHOWN],
        "unseen": max(0, len(accounts) - SHOWN),
        "back_url": back,
    }
    return composing.without_link(mailing.compose(KIND, message, reader, facts), back)


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=gettext_lazy("I am on it, by a link"))
