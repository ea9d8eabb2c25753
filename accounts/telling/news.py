"""From news to notices: who is to be told of what happened to an account, if it still holds.

Whoever snoozed the account, or all, is told of their own log-ins alone. Somebody else stands in where nobody is left, and what lasts when
the snooze is over is told then.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts import pool_reasons, quiet, selection
from accounts.models import Account, AccountNews, AccountNotice, AccountToken
from tokens.channels import registry
from tokens.channels.kinds import AN_ADMIN_HELPS
from tokens.models import Token
from users import refused_addresses
from users.models import Membership
from users.recipients import Fallback, Via, fallback, members, operators

GATHER = timedelta(
    seconds=60
)  # what one cause does to many accounts, or to several log-ins of one person, comes within this time
BATCH = 10_000
MAIL_WAITS = timedelta(days=1)  # so long before a snooze began a mail may be that it kept back
JUST_LINKED = timedelta(minutes=1)  # whoever linked it has read of the restriction where he chose the account


@dataclass(frozen=True)
class _World:
    """The pools behind a batch of news, read in a fixed number of queries."""

    entries: Mapping[int, Sequence[AccountToken]]  # by account
    members: Mapping[int, Sequence[str]]  # addresses by team, of teams that own a system user's token
    refused: Collection[str]  # those of all these people that their mail servers refuse
    snoozed: quiet.Snoozed

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

    def awake(self, account: Account, addresses: Iterable[str]) -> list[str]:
        """Return those of these addresses that snoozed neither the account nor all."""
        return [one for one in addresses if not self.snoozed.holds(account.pk, one)]

    def instead(self, account: Account, found: Mapping[int, Fallback]) -> list[str]:
        """Return who stands in for an account's people: leads who have not snoozed it, else the operators, the last in line."""
        told = found.get(account.team_id)
        if told is None or told.via == Via.OPERATOR:
            return list(told.addresses) if told else []
        return self.awake(account, told.addresses) or operators()

    def _reached(self, addresses: Iterable[str]) -> list[str]:
        return [address for address in addresses if address not in self.refused]


def resolve(now: datetime) -> None:
    """Turn what waited for a minute into notices, and all that came since with it. The caller holds the lock of telling."""
    if not AccountNews.objects.filter(at__lte=now - GATHER).exists():
        return
    news = list(AccountNews.objects.select_related("account__team").order_by("id")[:BATCH])
    AccountNews.objects.filter(pk__in=[one.pk for one in news]).delete()
    AccountNotice.objects.bulk_create(_resolved(news, now), ignore_conflicts=True)  # nothing is told twice


def _resolved(news: Sequence[AccountNews], now: datetime) -> list[AccountNotice]:
    accounts = {one.account_id: one.account for one in news}
    world = _read({pk: account for pk, account in accounts.items() if account.paused_at is None}, now)
    return [*_access(news, world, now), *_restricted(news, world, now)]


def look_again(*, email: str, account_ids: Collection[int] | None, since: datetime, now: datetime) -> None:
    """Tell an address what lasts of what its snooze, which is over, kept from it `since` then; `account_ids`: None for all accounts."""
    own = AccountNotice.objects.filter(
        account=OuterRef("account"), kind=OuterRef("kind"), recipient=email, closed_at=None
    )
    told = AccountNotice.objects.filter(
        ~Exists(own), closed_at=None, kind__in=AccountNews.Kind.values, at__gte=since - MAIL_WAITS
    )
    teams = Membership.objects.filter(user__email=email).values("team")
    owned = Q(token__kind=Token.Kind.SYSTEM, token__team__in=teams)
    linked = AccountToken.objects.filter(Q(token__consented_by__email=email) | owned).values("account")
    told = told.filter(Q(account__in=linked) | Q(account__team__in=teams)).select_related("account__team")
    if account_ids is not None:
        told = told.filter(account__in=account_ids)
    facts = {(one.account_id, one.token_id, one.kind): one.account for one in told.order_by("id")[:BATCH]}
    news = [
        AccountNews(account=account, token_id=token, kind=kind, at=now)
        for (_, token, kind), account in facts.items()
    ]
    if news:
        found = [one for one in _resolved(news, now) if one.recipient == email]
        AccountNotice.objects.bulk_create(found, ignore_conflicts=True)


def _read(accounts: Mapping[int, Account], now: datetime) -> _World:
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
    return _World(entries, members, refused, quiet.readers(accounts, now=now))


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
        asleep = False
        if deactivated and pool_reasons.entry_reason(entry) in AN_ADMIN_HELPS:
            helpers = [*world.admins(entry.account), *_leads(instead, entry.account.team_id)]
            others = world.awake(entry.account, helpers)
            asleep = bool(helpers) and not others
        if deactivated and not others and (asleep or not own):
            others = world.instead(entry.account, instead)
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
    world, instead = _read(by_id, timezone.now()), fallback({account.team_id for account in by_id.values()})
    kept = []
    for notice in notices:
        account = by_id[notice.account_id]
        told = instead.get(account.team_id)
        readers = {*(told.addresses if told else ()), *world.instead(account, instead)}
        for entry in world.entries.get(notice.account_id, ()):
            readers |= set(world.readers(entry.token))
        if notice.recipient in readers:
            kept.append(notice)
    return kept


def not_snoozed(notices: Iterable[AccountNotice]) -> list[AccountNotice]:
    """Keep what its reader did not snooze since it was found: what is of their own log-in, and what an operator is told, last in line.

    Of what told that an account stopped, `message` must be loaded.
    """
    found = list(notices)
    asked = {one.account_id for one in found if _may_be_snoozed(one)}
    if not asked:
        return found
    snoozed, last = quiet.readers(asked, now=timezone.now()), set(operators())
    return [
        one
        for one in found
        if not _may_be_snoozed(one)
        or one.recipient in last
        or not snoozed.holds(one.account_id, one.recipient)
    ]


def _may_be_snoozed(notice: AccountNotice) -> bool:
    if notice.kind == AccountNotice.Kind.ACCESS:
        return not notice.own
    if (
        notice.kind == AccountNotice.Kind.STOPPED
    ):  # told by a macro, or to who leads or stands in, unless by the log-in's own mail
        return notice.message is None or "reader" not in notice.message.payload
    return True


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
        for address in _of_restriction(account, world, instead):
            yield AccountNotice(
                account=account,
                kind=AccountNotice.Kind.RESTRICTED,
                recipient=address,
                deactivated=False,
                at=now,
            )


def of_restriction(account: Account, now: datetime) -> list[str]:
    """Return whom AdToken tells where the channel restricts an account now: those of its pool who have not snoozed it, else who stands in.

    Each address once. A few queries.
    """
    return _of_restriction(account, _read({account.pk: account}, now), fallback({account.team_id}))


def _of_restriction(account: Account, world: _World, instead: Mapping[int, Fallback]) -> list[str]:
    pool = [entry.token for entry in world.entries.get(account.pk, ())]
    people = world.awake(account, (address for token in pool for address in world.readers(token)))
    return list(dict.fromkeys(people or world.instead(account, instead)))
