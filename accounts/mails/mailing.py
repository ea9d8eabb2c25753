"""What the three mails of telling share: who reads, how many accounts are shown, and the frame of templates/mail/<kind>/."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone

from accounts import summary
from accounts.models import Account, AccountNotice
from accounts.name_visibility import Names
from accounts.summary import Summary
from notifications import clean
from notifications.kinds import Fact, Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from ui import addresses
from ui.text import first_name
from users.models import User

SHOWN = 10  # accounts in one mail; the rest is a number and a link
NAME_LENGTH = 30
SHORTEST_NAME = 8


@dataclass(frozen=True)
class Reader:
    """Who reads the mail: a person who can log in here, or an address outside (`user` is None)."""

    user: User | None
    names: Names

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone."""
        return self.user.zone if self.user else ZoneInfo(timezone.get_default_timezone_name())

    @property
    def call(self) -> str:
        """Return "Ada, " to begin a sentence with, or ""."""
        return f"{first_name(str(self.user))}, " if self.user else ""


def reader_of(message: Message) -> Reader:
    """Return who reads a message. Raises NotWanted where the person cannot log in any more."""
    user = User.objects.filter(email=message.recipient).first()
    if user is not None and not user.is_active:
        raise NotWanted("The person can no longer log in.")
    return Reader(user, Names(user))


def summaries(ids: Collection[int]) -> dict[int, Summary]:
    """Return what is true now of these accounts, by id, in a fixed number of queries."""
    now = timezone.now()
    return {
        one.pk: summary.summarise(one, now) for one in summary.with_pools(Account.objects.filter(pk__in=ids))
    }


def accounts_of(notices: Iterable[AccountNotice]) -> list[Account]:
    """Return the accounts of these notices without their pools: there may be thousands, and few are shown."""
    return list(Account.objects.filter(pk__in={notice.account_id for notice in notices}))


def cut(name: str, length: int = NAME_LENGTH) -> str:
    """Return an account's name as a subject or a button has room for it."""
    return name if len(name) <= length else f"{name[: length - 1].rstrip()}…"


def called(names: Sequence[str]) -> str:
    """Return "Fern Gardens", or "Fern Gardens and 2 more"."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def card_head(accounts: Sequence[Account], whose: str = "") -> dict[str, Any]:
    """Return the head of a card: one account with its id, or how many there are and whose log-in it is."""
    first = accounts[0]
    channel = declarations.label(first.channel)
    several = len(accounts) > 1
    return {
        "channel": first.channel,
        "channel_name": channel,
        "name": f"{channel}, {len(accounts)} accounts" if several else first.name,
        "native_id": whose if several else first.native_id,
    }


def render(kind: str, message: Message, reader: Reader, name: str, context: Mapping[str, Any]) -> Mail:
    """Render a mail of templates/mail/<kind>/. `name` is the account of the subject, which gives way where the subject is too long."""
    full: dict[str, Any] = {
        "call": reader.call,
        "more_url": addresses.of("my_accounts"),
        "why_url": addresses.of("why_message", message.pk) if reader.user else "",
        "subject": _subject(kind, name, context),
        **context,
    }
    with timezone.override(reader.zone):
        text = render_to_string(f"mail/{kind}/body.txt", full)
        html = render_to_string(f"mail/{kind}/body.html", full)
    return Mail(subject=full["subject"], text=text, html=html)


def _subject(kind: str, name: str, context: Mapping[str, Any]) -> str:
    def with_name(length: int) -> str:
        return render_to_string(f"mail/{kind}/subject.txt", {**context, "name": cut(name, length)}).strip()

    text = with_name(NAME_LENGTH)
    if len(text) > clean.SUBJECT_LENGTH:
        text = with_name(max(SHORTEST_NAME, len(cut(name)) - (len(text) - clean.SUBJECT_LENGTH)))
    return clean.line(text)


def facts(message: Message) -> list[Fact]:
    """Return what a message of telling carries, for its page."""
    told = (*message.account_notices.all(), *message.ended_notices.all())
    accounts = Account.objects.in_bulk([notice.account_id for notice in told])
    return [
        Fact(
            what=f"{_named(accounts[notice.account_id])}: {notice.get_kind_display()}",
            outcome="Over" if notice.closed_at else "Open",
        )
        for notice in told[:100]
    ]


def _named(account: Account) -> str:
    return f"{account.name} ({account.get_channel_display()})"
