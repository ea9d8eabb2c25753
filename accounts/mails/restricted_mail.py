"""The mail about ad accounts that a channel restricts: what it says, and who can lift it. No log-in is to blame."""

from collections import defaultdict
from typing import Any

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
    notices = list(message.account_notices.filter(kind=AccountNotice.Kind.RESTRICTED))
    accounts = {account.pk: account for account in mailing.accounts_of(notices)}
    told = {notice.account_id for notice in news.still_concerned(notices, accounts.values())}
    still = sorted(
        (accounts[pk] for pk in told if accounts[pk].restriction and accounts[pk].paused_at is None),
        key=lambda one: one.name,
    )
    if not still:
        raise NotWanted(
            "The restriction was lifted, or another team has the account, before this mail went out."
        )
    groups: dict[tuple[str, str], list[Account]] = defaultdict(list)
    for account in still:
        groups[account.channel, account.restriction].append(account)
    shown = list(groups.values())[: mailing.SHOWN]
    context = {
        "accounts": mailing.called([account.name for account in still]),
        "more": len(still) - 1,
        "channel": declarations.label(still[0].channel),
        "cards": [_card(some) for some in shown],
        "unseen": sum(len(some) for some in groups.values())
        - sum(min(len(some), mailing.SHOWN) for some in shown),
        "because": "You get this because you keep "
        + ("this account" if len(still) == 1 else "these accounts")
        + " connected, or answer for the team.",
    }
    return mailing.render("restricted", message, reader, still[0].name, context)


def _card(accounts: list[Account]) -> dict[str, Any]:
    first = accounts[0]
    channel = declarations.label(first.channel)
    told = reasons.explain(
        first.channel, Reason.RESTRICTED, account=mailing.called([account.name for account in accounts])
    )
    rows = [
        ("" if place else "Accounts", f"{account.name} ({account.native_id})")
        for place, account in enumerate(accounts[: mailing.SHOWN])
    ]
    button = {"label": f"See {mailing.cut(first.name)}", "url": addresses.of("open_account", first.pk)}
    return {
        **mailing.card_head(accounts),
        "pill": pills.pill("account", "restricted"),
        "rows": [
            *(rows if len(accounts) > 1 else []),
            ("Why", f"{channel} says: {first.restriction}"),
            ("Waiting for", f"an admin at {channel}"),
        ],
        "steps": told.steps,
        "steps_for": f"an admin at {channel}",
        "button": button,
    }
