"""From news to notices: who is to be told of what happened to an account, if it still holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import pool_reasons, selection
from accounts.models import Account, AccountNews, AccountNotice, AccountToken
from tokens.channels import registry
from tokens.channels.kinds import AN_ADMIN_HELPS
from tokens.models import Token
from users import refused_addresses
from users.recipients import Fallback, Via, fallback, members

GATHER = timedelta(
    seconds=60
)  # what one cause does to many accounts, or to several log-ins of one person, comes within this time
BATCH = 10_000
JUST_LINKED = timedelta(minutes=1)  # whoever linked it has read of the restriction where he chose the account


@dataclass(frozen=True)
class _World:
    """The pools behind a batch of news, read in a fixed number of queries."""

    entries: Mapping[int, Sequence[AccountToken]]  # by account
    members: Mapping[int, Sequence[str]]  # addresses by team, of teams that own a system user's token
    refused: Collection[str]  # those of all these people that their mail servers refuse

    def readers(self, token: Token) -> list[str]:
        """Return whom a log-in's trouble concerns and mail reaches: its person, or the team of a system user."""
        if token.kind == Token.Kind.SYSTEM:
            found = list(self.members.get(token.team_id or 0, ()))
        else:
            person = token.consented_by
            found = [person.email] if person is not None and person.is_active else []
        return self._reached(found)

    def admins(self, account: Account) -> list[str]:
        """Return those admins of an account's pool whom mail reaches."""
        return self._reached(admins(self.entries[account.pk]))

    def _reached(self, addresses: Iterable[str]) -> list[str]:
        return [address for address in addresses if address not in self.refused]


def resolve(now: datetime) -> None:
    """Turn what waited for a minute into notices, and all that came since with it. The caller holds the lock of telling."""
    if not AccountNews.objects.filter(at__lte=now - GATHER).exists():
        return
    news = list(AccountNews.objects.select_related("account__team").order_by("id")[:BATCH])
    AccountNews.objects.filter(pk__in=[one.pk for one in news]).delete()
    accounts = {one.account_id: one.account for one in news}
    world = _read({pk: account for pk, account in accounts.items() if account.paused_at is None})
    found = [*_access(news, world, now), *_restricted(news, world, now)]
    AccountNotice.objects.bulk_create(found, ignore_conflicts=True)  # what was told already is not told again


def _read(accounts: Mapping[int, Account]) -> _World:
    entries: dict[int, list[AccountToken]] = defaultdict(list)
    rows = AccountToken.objects.filter(account__in=accounts).select_related(
        "token__app", "token__consented_by"
    )
    for entry in rows.order_by("id"):
        entry.account = accounts[entry.account_id]
        entries[entry.account_id].append(entry)
    pool = [entry.token for some in entries.values() for entry in some]
    owners = {token.team_id for token in pool if token.kind == Token.Kind.SYSTEM and token.team_id}
    members = _addresses(owners)
    people = [token.consented_by.email for token in pool if token.consented_by]
    refused = refused_addresses.among([*people, *(one for some in members.values() for one in some)])
    return _World(entries, members, refused)


def _addresses(teams: Iterable[int]) -> Mapping[int, Sequence[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    people = members().filter(team__in=teams).order_by("user")
    for team, email in people.values_list("team", "user__email"):
        found[team].append(email)
    return found


def _access(news: Sequence[AccountNews], world: _World, now: datetime) -> Iterator[AccountNotice]:
    """Yield who hears that a log-in is no longer of use for an account: its person; and, where the account stopped, who can help."""
    wanted = {(one.account_id, one.token_id) for one in news if one.kind == AccountNews.Kind.ACCESS}
    lost = [
        entry
        for account_id in sorted({account_id for account_id, _ in wanted})
        for entry in world.entries.get(account_id, ())
        if (account_id, entry.token_id) in wanted and holds(entry)
    ]
    instead = fallback({entry.account.team_id for entry in lost})
    for entry in lost:
        own = world.readers(entry.token)
        deactivated = entry.account.state == Account.State.DEACTIVATED
        others: list[str] = []
        if deactivated and pool_reasons.entry_reason(entry) in AN_ADMIN_HELPS:
            others = [*world.admins(entry.account), *_leads(instead, entry.account.team_id)]
        if deactivated and not own and not others and entry.account.team_id in instead:
            others = list(instead[entry.account.team_id].addresses)
        for address in dict.fromkeys([*own, *others]):
            yield AccountNotice(
                account=entry.account,
                token=entry.token,
                kind=AccountNotice.Kind.ACCESS,
                recipient=address,
                deactivated=deactivated,
                own=address in own,
                at=now,
            )


def _leads(instead: Mapping[int, Fallback], team_id: int) -> Sequence[str]:
    found = instead.get(team_id)
    return found.addresses if found and found.via == Via.TEAM_LEAD else ()


def still_concerned(notices: Sequence[AccountNotice], accounts: Iterable[Account]) -> list[AccountNotice]:
    """Keep the notices whose reader is of the account's pool still, or leads (or stands in for) the team that has it now."""
    by_id = {account.pk: account for account in accounts}
    world, instead = _read(by_id), fallback({account.team_id for account in by_id.values()})
    kept = []
    for notice in notices:
        told = instead.get(by_id[notice.account_id].team_id)
        readers = set(told.addresses) if told else set()
        for entry in world.entries.get(notice.account_id, ()):
            readers |= set(world.readers(entry.token))
        if notice.recipient in readers:
            kept.append(notice)
    return kept


def holds(entry: AccountToken) -> bool:
    """Return whether a loss of access still is one to tell: of a log-in that died since, its own mail tells."""
    return entry.token.state != Token.State.DEAD and not selection.living(entry)


def admins(entries: Iterable[AccountToken]) -> list[str]:
    """Return the addresses of people of a pool who may give others a role at the channel, as far as it tells roles."""
    found = []
    for entry in entries:
        person = entry.token.consented_by
        there = entry.access == AccountToken.Access.OK and entry.role in roles_of_admins(entry.token)
        if there and person is not None and person.is_active:
            found.append(person.email)
    return found


def roles_of_admins(token: Token) -> frozenset[str]:
    """Return the roles that may give others a role; none for a channel without a package."""
    native = registry.CHANNELS.get(token.app.channel)
    return native.admin_roles if native else frozenset()


def _restricted(news: Sequence[AccountNews], world: _World, now: datetime) -> Iterator[AccountNotice]:
    """Yield who hears that the channel restricts an account: the people of its pool, else who answers for its team."""
    wanted = [one for one in news if one.kind == AccountNews.Kind.RESTRICTED]
    accounts = {one.account for one in wanted if one.at - one.account.created_at > JUST_LINKED}
    still = [one for one in accounts if one.restriction and one.paused_at is None]
    instead = fallback({account.team_id for account in still})
    for account in sorted(still, key=lambda one: one.pk):
        pool = [entry.token for entry in world.entries.get(account.pk, ())]
        people = [address for token in pool for address in world.readers(token)]
        if not people and account.team_id in instead:
            people = list(instead[account.team_id].addresses)
        for address in dict.fromkeys(people):
            yield AccountNotice(
                account=account,
                kind=AccountNotice.Kind.RESTRICTED,
                recipient=address,
                deactivated=False,
                at=now,
            )
