"""The mail about ad accounts that a channel restricts: what it says, and who can lift it. No log-in is to blame."""

from collections import defaultdict

from accounts.mails import mailing
from accounts.models import Account, AccountNotice
from accounts.telling import news
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import reasons
from tokens.channels import declarations
from tokens.channels.kinds import Reason
from ui import addresses, pills


def build(message: Message) -> Mail:
    """Build the mail from the accounts that are restricted still. Raises NotWanted where none is."""
    reader = mailing.reader_of(message)
    notices = news.not_snoozed(message.account_notices.filter(kind=AccountNotice.Kind.RESTRICTED))
    if not notices:
        raise NotWanted("reader_left_out")
    accounts = {account.pk: account for account in mailing.accounts_of(notices)}
    told = {notice.account_id for notice in news.still_concerned(notices, accounts.values())}
    still = sorted(
        (accounts[pk] for pk in told if accounts[pk].restriction and accounts[pk].paused_at is None),
        key=lambda one: one.name,
    )
    if not still:
        raise NotWanted("not_restricted")
    groups: dict[tuple[str, str], list[Account]] = defaultdict(list)
    for account in still:
        groups[account.channel, account.restriction].append(account)
    shown = list(groups.values())[: mailing.SHOWN]
    facts = {
        "name": still[0].name,
        "accounts": [account.name for account in still],
        "more": len(still) - 1,
        "channel": declarations.label(still[0].channel),
        "cards": [_card(some) for some in shown],
        "unseen": sum(len(some) for some in groups.values())
        - sum(min(len(some), mailing.SHOWN) for some in shown),
    }
    return mailing.compose("restricted", message, reader, facts)


def _card(accounts: list[Account]) -> dict[str, object]:
    """Return the facts of one card: the accounts of one channel that it restricts in the same words."""
    first = accounts[0]
    return {
        "account": first,
        "channel": declarations.label(first.channel),
        "count": len(accounts),
        "accounts": accounts[: mailing.SHOWN],
        "pill": pills.pill("account", "restricted"),
        "steps": reasons.explain(first.channel, Reason.RESTRICTED, account=first.name).steps,
        "url": addresses.absolute_url("open_account", first.pk),
    }
