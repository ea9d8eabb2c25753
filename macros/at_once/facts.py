"""What the rules of `macros.at_once.rules` look at: accounts with their pools and events, macros, people, what was told. Read in bulk."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from accounts import pool_reasons
from accounts.models import Account, AccountEvent, AccountToken
from macros.at_once.models import Told
from macros.models import MacroAccount, MacroAction, Mute
from macros.notices.facts import directory
from macros.notices.readers import Directory
from notifications.models import Message
from tokens.channels import registry
from tokens.channels.kinds import AN_ADMIN_HELPS, AN_APPEAL_HELPS
from tokens.models import Token
from users.recipients import members

SLICE = 2_000  # accounts that are read at a time
DAY = timedelta(days=1)
Event = AccountEvent.Kind
STATES = (Event.CONNECTED, Event.DEACTIVATED, Event.INTERRUPTED, Event.PAUSED)
RESTRICTIONS = (Event.RESTRICTED, Event.UNRESTRICTED)
LOOKED_AT = (*STATES, *RESTRICTIONS, Event.SHIFTED, Event.ACCESS)


class Happened(NamedTuple):
    """An event of an account. `actor`: the address of whoever did it."""

    id: int
    kind: str
    at: datetime
    cause: str = ""
    token_id: int | None = None
    from_token_id: int | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A log-in in the pool of an account. `reason`: why it is of no use for it."""

    token_id: int
    people: tuple[str, ...]  # addresses: its person's, or those of the team that owns a system user's
    reason: str = ""
    living: bool = True
    dead_since: datetime | None = None
    removed: bool = False
    admin: bool = False  # its person may give others a role at the channel

    @property
    def only_appeal(self) -> bool:
        """Whether its person can only appeal at the channel."""
        return self.reason in AN_APPEAL_HELPS

    @property
    def admin_helps(self) -> bool:
        """Whether an admin of the account at the channel can give it back."""
        return self.reason in AN_ADMIN_HELPS


class Before(NamedTuple):
    """What one reader was told of an account, or is about to be."""

    kind: str
    recipient: str
    at: datetime
    event: int = 0
    token_id: int | None = None
    dark: bool = False
    is_open: bool = False  # its reader waits to hear that it is over
    waits: bool = False  # its mail has not left


@dataclass(frozen=True, slots=True)
class Looked:
    """An account that is looked at: as it is now, and what happened `since` a moment."""

    id: int
    channel: str
    team_id: int
    state: str
    since: datetime  # in this state
    created_at: datetime
    looked_since: datetime
    reason: str = ""
    restriction: str = ""  # the channel's words, "" for none
    paused: bool = False
    active_token_id: int | None = None
    people: int = 0
    entries: tuple[Entry, ...] = ()
    events: tuple[Happened, ...] = ()  # in order, with the state and restriction before them
    told: tuple[Before, ...] = ()
    # Whom the mail about log-ins that were removed told that it stopped, and which mail that was.
    mailed: Mapping[str, int] = field(default_factory=dict)

    @property
    def fresh(self) -> list[Happened]:
        """What happened since the moment from which on it is looked at."""
        return [one for one in self.events if one.at >= self.looked_since]

    def last(self, *kinds: str) -> Happened | None:
        """Return the last event of these kinds that is fresh."""
        return next(
            (one for one in reversed(self.events) if one.kind in kinds and one.at >= self.looked_since), None
        )

    def before(self, event: Happened, *kinds: str) -> Happened | None:
        """Return the last event of these kinds before another one."""
        earlier = [one for one in self.events if one.id < event.id and one.kind in kinds]
        return earlier[-1] if earlier else None

    @property
    def restricted(self) -> bool:
        """Whether its channel limits it."""
        return bool(self.restriction)

    @property
    def dark(self) -> bool:
        """Whether only a person can help."""
        return self.state == Account.State.DEACTIVATED


@dataclass(frozen=True)
class Watch:
    """An action of a macro that is on, and which accounts it concerns."""

    action_id: int
    macro_id: int
    kind: str
    created_at: datetime
    emails: tuple[str, ...] = ()
    people: bool = True  # it tells those who linked the account
    scope: str = "all"
    channels: frozenset[str] = frozenset()
    team_id: int | None = None
    chosen: frozenset[int] = frozenset()
    excluded: frozenset[int | None] = frozenset()

    def concerns(self, account: Looked) -> bool:
        """Return whether the macro watches an account."""
        if self.team_id not in {None, account.team_id} or account.id in self.excluded:
            return False
        if self.scope == "channels":
            return account.channel in self.channels
        return self.scope == "all" or account.id in self.chosen


@dataclass(frozen=True)
class Facts:
    """Some accounts, and all that decides who is told of them."""

    accounts: Mapping[int, Looked]
    watches: Sequence[Watch] = ()
    directory: Directory = field(default_factory=Directory)

    def watching(self, account: Looked, kind: str) -> list[Watch]:
        """Return the actions of a kind that concern an account."""
        return [one for one in self.watches if one.kind == kind and one.concerns(account)]


def read(since: Mapping[int, datetime]) -> Facts:
    """Return the facts of accounts (ids), each since a moment. A fixed number of queries."""
    ids, first = list(since), min(since.values())
    pools, events, told = _pools(ids), _events(ids, first), _told(ids, first)
    mailed = _mailed(ids, pools, first)
    accounts = {}
    for one in Account.objects.filter(pk__in=ids).defer("name").order_by("pk"):
        accounts[one.pk] = Looked(
            id=one.pk,
            channel=one.channel,
            team_id=one.team_id,
            state=one.state,
            since=one.since,
            created_at=one.created_at,
            looked_since=since[one.pk],
            reason=one.reason,
            restriction=one.restriction,
            paused=one.paused_at is not None or one.state == Account.State.PAUSED,
            active_token_id=one.active_token_id,
            people=one.people_count,
            entries=tuple(pools.get(one.pk, ())),
            events=tuple(events.get(one.pk, ())),
            told=tuple(told.get(one.pk, ())),
            mailed=mailed.get(one.pk, {}),
        )
    return Facts(accounts, read_watches(ids), directory(ids))


def read_watches(account_ids: Collection[int]) -> list[Watch]:
    """Return the actions of macros that are on. Three queries."""
    actions = list(MacroAction.objects.filter(macro__enabled=True).select_related("macro").order_by("pk"))
    chosen: dict[int, set[int]] = defaultdict(set)
    applied = MacroAccount.objects.filter(
        account__in=account_ids, macro__in={one.macro_id for one in actions}
    )
    for macro, account in applied.values_list("macro", "account"):
        chosen[macro].add(account)
    excluded: dict[int | None, set[int | None]] = defaultdict(set)
    left_out = Mute.objects.running().left_out_accounts().filter(account__in=account_ids)
    for macro, account in left_out.values_list("macro", "account"):
        excluded[macro].add(account)
    return [
        Watch(
            action_id=one.pk,
            macro_id=one.macro_id,
            kind=one.kind,
            created_at=one.created_at or one.macro.created_at,
            emails=tuple(dict.fromkeys(address.lower() for address in one.emails)),
            people=one.notify_consenters,
            scope=one.macro.scope,
            channels=frozenset(one.macro.channels),
            team_id=one.macro.team_id,
            chosen=frozenset(chosen[one.macro_id]),
            excluded=frozenset(excluded[one.macro_id]),
        )
        for one in actions
    ]


def _pools(ids: Collection[int]) -> dict[int, list[Entry]]:
    """Return the log-ins of accounts, by account."""
    rows = AccountToken.objects.filter(account__in=ids).select_related("token__app", "token__consented_by")
    entries = list(rows.order_by("id"))
    owned = {one.token.team_id for one in entries if one.token.kind == Token.Kind.SYSTEM}
    of_team: dict[int | None, list[str]] = defaultdict(list)
    for team, email in members().filter(team__in=owned).order_by("user").values_list("team", "user__email"):
        of_team[team].append(email)
    found: dict[int, list[Entry]] = defaultdict(list)
    for one in entries:
        token, person = one.token, one.token.consented_by
        system = token.kind == Token.Kind.SYSTEM
        people = of_team[token.team_id] if system else [person.email] if person else []
        native = registry.CHANNELS.get(token.app.channel)
        admin = one.access == AccountToken.Access.OK and native is not None and one.role in native.admin_roles
        found[one.account_id].append(
            Entry(
                token_id=token.pk,
                people=tuple(people),
                reason=pool_reasons.entry_reason(one),
                living=one.is_living,
                dead_since=token.state_since if token.state == Token.State.DEAD else None,
                removed=token.is_removed,
                admin=admin,
            )
        )
    return found


def _events(ids: Collection[int], since: datetime) -> dict[int, list[Happened]]:
    """Return the events since a moment, and of each account the state and the restriction before."""
    columns = ("account", "id", "kind", "at", "cause", "token", "from_token", "actor__email")
    events = AccountEvent.objects.filter(account__in=ids)
    rows = list(events.filter(kind__in=LOOKED_AT, at__gte=since).order_by().values_list(*columns))
    for kinds in (STATES, RESTRICTIONS):
        before = (
            events.filter(kind__in=kinds, at__lt=since).order_by("account", "-at", "-id").distinct("account")
        )
        rows += before.values_list(*columns)
    # A shift or a passing doubt in between says nothing of what was before it.
    stopped = events.filter(kind__in=(Event.CONNECTED, Event.DEACTIVATED, Event.PAUSED), at__lt=since)
    rows += stopped.order_by("account", "-at", "-id").distinct("account").values_list(*columns)
    found: dict[int, dict[int, Happened]] = defaultdict(dict)
    for account, pk, kind, at, cause, token, before_it, actor in rows:
        found[account][pk] = Happened(pk, kind, at, cause, token, before_it, actor or "")
    return {pk: sorted(some.values(), key=lambda one: (one.at, one.id)) for pk, some in found.items()}


def _told(ids: Collection[int], since: datetime) -> dict[int, list[Before]]:
    """Return what was told of accounts within a day before a moment and since, and what is not over."""
    rows = Told.objects.live().filter(account__in=ids).order_by("id")
    pairs = {one.pk: one for one in (*rows.filter(at__gte=since - DAY), *rows.open())}
    found: dict[int, list[Before]] = defaultdict(list)
    for one in sorted(pairs.values(), key=lambda each: each.pk):
        found[one.account_id].append(before_of(one))
    return found


def before_of(row: Told) -> Before:
    """Return a row as the rules know it."""
    waited_for = row.dark or row.kind == Told.Kind.RESTRICTED
    return Before(
        row.kind,
        row.recipient,
        row.at,
        row.event,
        row.token_id,
        row.dark,
        is_open=waited_for and row.over_at is None and row.outcome == Told.Outcome.MAILED,
        waits=row.outcome == Told.Outcome.WAITING,
    )


def _mailed(
    ids: Collection[int], pools: Mapping[int, Sequence[Entry]], since: datetime
) -> dict[int, dict[str, int]]:
    """Return whom the mail about removed log-ins told of accounts, and which mail: of all of their own, or of those of some teams."""
    removed = {entry.token_id for some in pools.values() for entry in some if entry.removed}
    if not removed:
        return {}
    gone = [Message.State.FAILED, Message.State.CANCELLED]
    mails = Message.objects.filter(kind="left", created_at__gte=since - DAY).exclude(state__in=gone)
    teams = dict(Account.objects.filter(pk__in=ids).values_list("pk", "team"))
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for pk, recipient, said in mails.values_list("pk", "recipient", "payload"):
        tokens = removed & set(said.get("tokens", ()))
        for account, entries in pools.items():
            theirs = said.get("own") or teams.get(account) in said.get("teams", ())
            if theirs and tokens and any(entry.token_id in tokens for entry in entries):
                found[account][recipient] = pk
    return found
