"""The mail that says that accounts work again, to whoever was told that they stopped or were restricted."""

from collections.abc import Sequence

from accounts.mails import mailing
from accounts.mails.mailing import ReaderWithNames
from accounts.models import Account, AccountNotice
from accounts.summary import Summary
from accounts.telling import news
from accounts.telling.notices import without_unwanted
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from ui import addresses, pills
from ui.text import first_name

SHOWN = 5


def build(message: Message) -> Mail:
    """Build the mail from the accounts that work still. Raises NotWanted where all have stopped again."""
    reader = mailing.reader_of(message)
    notices = news.not_snoozed(
        without_unwanted(list(message.ended_notices.select_related("message")), message.recipient)
    )
    lifted = {one.account_id for one in notices if one.kind == AccountNotice.Kind.RESTRICTED}
    lifted -= {one.account_id for one in notices if one.kind != AccountNotice.Kind.RESTRICTED}
    found = [one for one in mailing.accounts_of(notices) if _holds(one, lifted)]
    if not notices:
        raise NotWanted("no_macro")
    if not found:
        raise NotWanted("stopped_again")
    found.sort(key=lambda one: (one.pk in lifted, not _works(one), one.name))
    first, deactivated = found[0], [one.name for one in found if not _works(one)]
    # Where nothing but restrictions ended, all of them did; else what works again is told first, and what does not by itself.
    told = found if first.pk in lifted else [one for one in found if _works(one)]
    shown = mailing.summaries([one.pk for one in found[:SHOWN]])
    facts = {
        "name": first.name,
        "accounts": [one.name for one in told],
        "more": len(told) - 1,
        "lifted": first.pk in lifted,
        "deactivated": deactivated,
        "channel": declarations.label(first.channel),
        "cards": [_card(shown[one.pk], reader) for one in found[:SHOWN]],
        "unseen": max(0, len(found) - SHOWN),
        "because": _because([one.pk in lifted for one in found]),
        "told_of": len(found),
    }
    return mailing.compose("works_again", message, reader, facts)


def _because(lifted: Sequence[bool]) -> str:
    """Return what the reader was told of, for each account whether only its restriction ended: "restricted", "stopped" or "both"."""
    if all(lifted):
        return "restricted"
    return "both" if any(lifted) else "stopped"


def _holds(account: Account, lifted: set[int]) -> bool:
    if account.restriction:
        return False
    return account.pk in lifted or _works(account)


def _works(account: Account) -> bool:
    return account.state == Account.State.CONNECTED


def _card(found: Summary, reader: ReaderWithNames) -> dict[str, object]:
    account = found.account
    ends = account.state == Account.State.CONNECTED and account.deadline is not None
    return {
        "account": account,
        "channel": declarations.label(account.channel),
        "pill": pills.pill("account", found.health),
        "state": account.state,  # an account whose restriction ended may be paused, or have no log-in that works
        "carrier": first_name(found.active_name(reader.names)),
        "until": mailing.until(found, reader) if ends else None,
        "url": addresses.absolute_url("open_account", account.pk),
    }
