"""The mail that somebody said something of accounts by the link of a mail, or on a page: one kind, for whoever has to hear of it.

Others who were warned hear that somebody is on it; whoever looks after an account, that it is no longer somebody's; and the address in
whose name it was said by a link hears of that, since whoever the mail was forwarded to can press it, too. That mail leads to the page of
such links, which takes it back without a log-in.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from accounts.models import Account
from accounts.pool import mail_rows as mailing
from macros.models import Acknowledgement, Mute
from macros.mutes import links
from macros.mutes.models import left_out
from macros.notices import facts
from notifications.models import Message
from notifications.outbox import composing
from notifications.outbox import services as outbox
from notifications.outbox.kinds import Mail, NotWanted
from ui import addresses, dates
from users.models import User

KIND = links.SAID
ON_IT, NOT_MINE, OWN_ON_IT, OWN_MUTE = "on_it", "not_mine", "own_on_it", "own_mute"  # what was said
SHOWN = 20  # accounts


def tell_muted(made: Mute, *, answers: Message, now: datetime) -> None:
    """Write the message that all accounts are muted, in the caller's transaction. `answers`: the mail whose link was pressed."""
    outbox.enqueue(
        kind=KIND,
        recipient=made.email,
        dedupe_key=f"{OWN_MUTE}:{made.pk}",
        payload={"what": OWN_MUTE, "mute": made.pk, "answers": answers.pk},
        now=now,
    )


def tell_on_it(*, answers: Message, accounts: Collection[Account], now: datetime) -> None:
    """Write the message that its reader is on these accounts: on those of which none was written yet for this link."""
    about = f"{OWN_ON_IT}:{answers.pk}:"
    written = Message.objects.filter(recipient=answers.recipient, kind=KIND, dedupe_key__startswith=about)
    told = {pk for payload in written.values_list("payload", flat=True) for pk in payload["accounts"]}
    if new := sorted({one.pk for one in accounts} - told):
        outbox.enqueue(
            kind=KIND,
            recipient=answers.recipient,
            team=answers.team,
            dedupe_key=f"{about}{new[0]}",
            payload={"what": OWN_ON_IT, "accounts": new, "answers": answers.pk},
            now=now,
        )


def build_said(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where what was said is over, or none of the accounts concerns the reader now.

    And where the address is another since: the link is of the old one. Its own reader it tells of accounts also where that was taken back.
    """
    reader, said = mailing.reader_of(message), message.payload
    what = _muted(said) if said["what"] == OWN_MUTE else _of_accounts(message, reader)
    facts = {"what": said["what"], **what}
    if "answers" in said:
        return _own(message, reader, facts)
    mail = mailing.compose(KIND, message, reader, facts)
    return replace(mail, reply_to=said["who"]) if said["what"] == NOT_MINE else mail


def _own(message: Message, reader: mailing.ReaderWithNames, facts: Mapping[str, object]) -> Mail:
    answers = links.answered(message)
    if answers is not None and answers.recipient != message.recipient:
        raise NotWanted("other_address")
    back = addresses.absolute_url("answer_mail", links.sign(message))
    said = {
        "email": message.recipient,
        "at": dates.moment(message.created_at, zone=reader.zone).full,
        "subject": answers.subject if answers else "",
        "back_url": back,
    }
    return composing.without_link(mailing.compose(KIND, message, reader, {**facts, **said}), back)


def _muted(said: Mapping[str, int]) -> Mapping[str, object]:
    mute = Mute.objects.running().filter(pk=said["mute"]).first()
    if mute is None or mute.until is None:
        raise NotWanted("snooze_over")
    return {"until": dates.day(mute.until)}


def _of_accounts(message: Message, reader: mailing.ReaderWithNames) -> Mapping[str, object]:
    said = message.payload
    ids = facts.concerned({message.recipient: said["accounts"]})[message.recipient]
    if said["what"] == ON_IT:
        ids = _still_on_it(message, ids)
    accounts = list(Account.objects.filter(pk__in=ids).order_by("name", "pk"))
    if not accounts:
        raise NotWanted("accounts_gone")
    by = User.objects.filter(pk=said.get("by")).first()
    return {
        "who": reader.names.user(by) if by else said.get("who", ""),
        "note": said.get("note", ""),
        "name": accounts[0].name,
        "more": len(accounts) - 1,
        "count": len(accounts),
        "accounts": [
            (one, _until(one, reader), addresses.absolute_url("open_account", one.pk))
            for one in accounts[:SHOWN]
        ],
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


def _until(account: Account, reader: composing.Reader) -> str:
    if account.deadline is None or account.state == Account.State.DEACTIVATED:
        return ""
    return dates.moment(account.deadline, zone=reader.zone).full
