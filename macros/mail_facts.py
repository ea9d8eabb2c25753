"""What warning mails are made of, read for several of them at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import prefetch_related_objects

from accounts import renewal_links
from macros import grouping
from macros.grouping import Pooled
from macros.models import MacroAction, Notice
from macros.revalidation import StillWanted
from notifications.models import Message
from tokens.models import Token
from ui.name_visibility import NameVisibility
from users.models import User
from users.recipients import addresses_of_leads
from users.visibility import names_for, names_for_each

LOADED = 300  # accounts, of several mails; see `grouping.LOADED` for those of one


@dataclass(frozen=True)
class MailFacts:
    """What one mail is made of. `accounts` and `leads` are those of other mails, too."""

    notices: Sequence[Notice]
    accounts: Mapping[int, Pooled]  # by id, with their pools
    reader: User | None
    names: NameVisibility
    leads: Sequence[tuple[int, str]]  # team, address

    @property
    def escalated(self) -> int:
        """After how many days without anything the reader is told, where that alone is why; else 0."""
        actions = [one.action for one in self.notices if one.action]
        if any(one.kind != MacroAction.Kind.ESCALATED for one in actions):
            return 0
        return max((one.after or 0 for one in actions), default=0)


def facts_of(notices: Sequence[Notice], *, recipient: str, names: NameVisibility | None = None) -> MailFacts:
    """Return what the mail about these notices is made of, whose macros and log-ins are loaded; `names`: see `mails.compose`."""
    reader = _readers([recipient]).get(recipient)
    if reader and names and not names.knows(reader):  # who looks at it may not read whose address that is
        reader = None
    accounts = grouping.accounts_of({notice.account_id for notice in notices})
    leads = addresses_of_leads(one.account.team_id for one in accounts.values())
    return MailFacts(notices, accounts, reader, names or names_for(reader), leads)


class Together:
    """Messages whose facts are read at once, when the first is asked for. Who keeps a mail's facts keeps those of all of them."""

    def __init__(self, found: Mapping[Message, StillWanted]) -> None:
        self._found = found

    def facts(self, message: Message) -> MailFacts:
        """Return what the mail of one of these messages is made of."""
        (notices, accounts), reader = self._read, self._users.get(message.recipient)
        return MailFacts(
            notices=[notices[pk] for ids in self._found[message].accounts.values() for pk in ids],
            accounts=accounts,
            reader=reader,
            names=self._names[reader.pk if reader else None],
            leads=self._leads,
        )

    @cached_property
    def _read(self) -> tuple[dict[int, Notice], dict[int, Pooled]]:
        ids = [pk for one in self._found.values() for some in one.accounts.values() for pk in some]
        notices = grouping.notices_of(ids)
        accounts = {pk for one in self._found.values() for pk in one.accounts}
        return notices, grouping.accounts_of(accounts, notices.values())

    @cached_property
    def _users(self) -> dict[str, User]:
        return _readers({message.recipient for message in self._found})

    @cached_property
    def _names(self) -> dict[int | None, NameVisibility]:
        return names_for_each([None, *self._users.values()])

    @cached_property
    def renewable(self) -> dict[int, Token]:
        """The log-ins of the readers of all these mails that a personal link renews, by id."""
        tokens = {entry.token_id for one in self._read[1].values() for entry in one.entries}
        users = {user.pk for user in self._users.values()}
        return renewal_links.renewable(users, tokens) if users and tokens else {}

    @cached_property
    def _leads(self) -> list[tuple[int, str]]:
        teams = {one.account.team_id for one in self._read[1].values()}
        return addresses_of_leads(teams | {message.team_id for message in self._found if message.team_id})


def together(found: Mapping[Message, StillWanted]) -> Iterator[dict[Message, StillWanted]]:
    """Part messages so that few accounts are loaded at once: `LOADED`, or those of one mail."""
    some: dict[Message, StillWanted] = {}
    accounts = 0
    for message, one in found.items():
        if some and accounts + len(one.accounts) > LOADED:
            yield some
            some, accounts = {}, 0
        some[message] = one
        accounts += len(one.accounts)
    if some:
        yield some


def _readers(addresses: Iterable[str]) -> dict[str, User]:
    people = list(User.objects.filter(email__in=addresses, is_active=True))
    prefetch_related_objects([user for user in people if user.is_staff], "groups")  # which say who only looks
    return {user.email: user for user in people}
