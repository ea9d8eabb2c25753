"""What rules are asked with: an account and what was told of it, whom mail reaches, a span of days. Pure: no database, no clock."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from accounts.pool.health import reason_of_entry
from macros.notices import models
from tokens.channels import registry
from tokens.channels.kinds import AN_ADMIN_HELPS, AN_APPEAL_HELPS
from tokens.models import Token
from users.people.queries import Via

LONG_AGO = datetime.min.replace(tzinfo=UTC)
DARK_AFTER = timedelta(hours=1)  # an account that is interrupted for so long is dark
LIVE = ("connected", "interrupted")


@dataclass(slots=True)
class LogIn:
    """A pool entry with its log-in."""

    token_id: int
    access: str
    can_publish: str
    state: str
    deadline_kind: str
    deadline: datetime | None
    cycle: int
    cycle_since: datetime
    issued_at: datetime | None
    access_reason: str = ""
    doubt: str = ""
    role: str = ""  # the channel's own word
    state_since: datetime = LONG_AGO
    state_reason: str = ""
    people: tuple[
        str, ...
    ] = ()  # who can renew it: its person's address; those of the team that owns a system user's

    @property
    def known_since(self) -> datetime:
        """Since when its date is known, which no renewal moves. One whose issue nobody told may be of any age."""
        return min(self.cycle_since, self.issued_at or LONG_AGO)

    @property
    def living(self) -> bool:
        """Whether it is usable, or would be but for passing trouble."""
        return self.state != Token.State.DEAD and self.access == "ok" and self.can_publish != "no"

    @property
    def reason(self) -> str:
        """Why it is of no use for the account, or ""."""
        return reason_of_entry(self, state=self.state, reason=self.state_reason)

    @property
    def dead_since(self) -> datetime | None:
        """Since when only a new consent helps; None while it lives."""
        return self.state_since if self.state == Token.State.DEAD else None

    @property
    def removed(self) -> bool:
        """Whether one of our people ended it on purpose."""
        return self.state_reason == Token.REMOVED

    @property
    def only_appeal(self) -> bool:
        """Whether its person can only appeal at the channel."""
        return self.reason in AN_APPEAL_HELPS

    @property
    def admin_helps(self) -> bool:
        """Whether an admin of the account at the channel can give it back."""
        return self.reason in AN_ADMIN_HELPS


class TellsBefore(NamedTuple):
    """A notice of a present deadline, of whichever macro, that was not dropped."""

    token_id: int | None
    address: str
    threshold: int
    action_id: int | None
    on: date  # when its mail left, or else it was found
    waits: bool = False  # our own mail server does not take it


class Happened(NamedTuple):
    """An event of an account. `actor`: the address of whoever did it."""

    id: int
    kind: str
    at: datetime
    cause: str = ""
    token_id: int | None = None
    from_token_id: int | None = None
    actor: str = ""


@dataclass(slots=True)
class AccountFacts:
    """An account, its pool, and what was told of it."""

    pk: int
    channel: str
    team_id: int
    state: str
    since: datetime
    paused_at: datetime | None
    deadline_kind: str
    deadline: datetime | None
    cycle: int
    cycle_since: datetime
    people_count: int
    created_at: datetime = LONG_AGO
    active_token_id: int | None = None
    reason: str = ""
    restriction: str = ""  # the channel's words, "" for none
    macros: set[int] = field(default_factory=set)  # that were applied to it
    log_ins: list[LogIn] = field(default_factory=list)
    told: list[TellsBefore] = field(default_factory=list)
    acknowledged: dict[int | None, int] = field(
        default_factory=dict
    )  # token -> days left, of the present cycle
    shortages: dict[int, int] = field(default_factory=dict)  # action -> the shortage that goes on
    # Of one that is dark:
    was_connected: bool = True  # it ever had a log-in
    heard: set[str] = field(default_factory=set)  # whom any mail told, or is about to
    heard_on: date | None = None  # when a mail first did
    # Of one of which is told at once:
    looked_since: datetime = LONG_AGO
    events: Sequence[Happened] = ()  # since then, in order, with the state and restriction before them
    told_at_once: Sequence[models.Told] = ()  # to each reader, or about to be
    # Whom the mail about log-ins that were removed told that it stopped, and which mail that was.
    mailed: Mapping[str, int] = field(default_factory=dict)

    @property
    def fresh(self) -> list[Happened]:
        """What happened since the moment from which on it is looked at."""
        return [one for one in self.events if one.at >= self.looked_since]

    def last(self, *kinds: str) -> Happened | None:
        """Return the last event of these kinds that is fresh."""
        return next((one for one in reversed(self.fresh) if one.kind in kinds), None)

    def before(self, event: Happened, *kinds: str) -> Happened | None:
        """Return the last event of these kinds before another one."""
        earlier = [one for one in self.events if one.id < event.id and one.kind in kinds]
        return earlier[-1] if earlier else None

    def event(self, number: int) -> Happened | None:
        """Return an event by its id."""
        return next((one for one in self.events if one.id == number), None)

    def log_in(self, token_id: int | None) -> LogIn | None:
        """Return the entry of a log-in."""
        return next((one for one in self.log_ins if one.token_id == token_id), None)

    @property
    def paused(self) -> bool:
        """Whether staff paused it."""
        return self.paused_at is not None

    @property
    def restricted(self) -> bool:
        """Whether its channel limits it."""
        return bool(self.restriction)

    @property
    def deactivated(self) -> bool:
        """Whether only a person can help."""
        return self.state == "deactivated"

    @property
    def admins(self) -> list[LogIn]:
        """The log-ins whose people may give others a role at the channel."""
        roles = registry.get(self.channel).admin_roles
        return [one for one in self.log_ins if one.access == "ok" and one.role in roles]

    def is_dark(self, now: datetime) -> bool:
        """Return whether only a person can help, or nothing serves it for an hour, whatever its log-ins wait for."""
        return self.state == "deactivated" or (self.state == "interrupted" and self.since <= now - DARK_AFTER)

    def people(self, log_ins: Sequence[LogIn] | None = None) -> list[str]:
        """Return the addresses of those who linked it, or of these log-ins: each can save it."""
        some = self.log_ins if log_ins is None else log_ins
        return list(dict.fromkeys(address for one in some for address in one.people))


@dataclass(frozen=True)
class Span:
    """The days that are asked about, as seen at a moment: one of a run, many of a preview."""

    now: datetime
    first: date
    last: date
    zone: tzinfo

    @classmethod
    def day(cls, now: datetime, zone: tzinfo) -> "Span":
        """Return the span of the day of a moment."""
        today = now.astimezone(zone).date()
        return cls(now, today, today, zone)

    def midnight(self, days: int) -> datetime:
        """Return the first moment that is more than so many days after the last day."""
        return datetime.combine(self.last + timedelta(days=days + 1), time(), tzinfo=self.zone)

    def local(self, moment: datetime) -> date:
        """Return the calendar day of a moment."""
        return moment.astimezone(self.zone).date()


# --- who is told of an account by an action of a macro, and why somebody is not: one rule for all that is told, ahead or at once

# Why an address is told nothing, as codes.
PERSON_LEFT = "person_left"
REFUSED = "address_refused"
LEFT_OUT = "left_out"  # by the macro, of this account
SNOOZED = "snoozed"  # it snoozed this account
AWAY = "away"  # it snoozed all accounts


class Muted(NamedTuple):
    """An address is told nothing of an account by a macro, until a day.

    None stands for all accounts, all macros, no last day.
    """

    account_id: int | None
    email: str
    macro_id: int | None = None
    until: date | None = None

    def holds(self, day: date | None) -> bool:
        """Return whether it holds on a day; None: now, when each that runs does."""
        return day is None or self.until is None or self.until > day


class Mutes:
    """The mutes that run, found by their account."""

    def __init__(self, mutes: Iterable[Muted] = ()) -> None:
        self._by_account: Mapping[int | None, list[Muted]] = defaultdict(list)
        for one in mutes:
            self._by_account[one.account_id].append(one)
        self._by_account = dict(self._by_account)
        self._of_all = self._by_account.get(None, [])

    def concern(self, account_id: int) -> bool:
        """Return whether any mute may keep somebody from hearing of the account."""
        return bool(self._of_all) or account_id in self._by_account

    def why(self, address: str, *, account_id: int, macro_id: int, day: date | None) -> str:
        """Return why an address is told nothing of an account by a macro on a day, as a code; "" where it may be."""
        for one in (*self._by_account.get(account_id, ()), *self._of_all):
            if one.email == address and one.macro_id in {None, macro_id} and one.holds(day):
                if one.macro_id is not None:
                    return LEFT_OUT
                return AWAY if one.account_id is None else SNOOZED
        return ""


@dataclass(frozen=True)
class Directory:
    """What decides whom mail reaches, and who stands in. All addresses are in lower case."""

    gone: Collection[str] = frozenset()  # of people who can no longer log in
    refused: Collection[str] = frozenset()  # that their mail servers refuse
    leads: Mapping[int, Sequence[str]] = field(default_factory=dict)  # by team, whom mail reaches
    members: Mapping[int, Sequence[str]] = field(default_factory=dict)  # by team of the accounts asked about
    see_all: Collection[str] = frozenset()  # of people who look at all teams
    operators: Sequence[str] = ()
    mutes: Mutes = field(default_factory=Mutes)

    def why_unreached(self, address: str) -> str:
        """Return why mail does not reach an address, as a code; "" where it does."""
        if address in self.gone:
            return PERSON_LEFT
        return REFUSED if address in self.refused else ""


class Reader(NamedTuple):
    """One address that is told, and how it comes to it."""

    address: str
    via: Via


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told, each address once; and whom the action names that is not: address -> why, as a code."""

    readers: Sequence[Reader]
    left_out: Mapping[str, str]


def who_is_told(
    named: Iterable[str],
    *,
    account_id: int,
    team_id: int,
    macro_id: int,
    directory: Directory,
    day: date | None = None,
) -> Told:
    """Return who is told of an account of a team by a macro's action on a day (None: now), where it names these addresses.

    Where none of them can be told, the leads of the team are who snoozed nothing, else the operators: those always.
    """
    readers, left_out = [], {}
    muted = directory.mutes.concern(account_id)
    for address in dict.fromkeys(named):
        why = directory.why_unreached(address)
        if not why and muted:
            why = directory.mutes.why(address, account_id=account_id, macro_id=macro_id, day=day)
        if why:
            left_out[address] = why
        else:
            readers.append(Reader(address, Via.DIRECT))
    if readers:
        return Told(readers, left_out)
    for address in directory.leads.get(team_id, ()):
        why = directory.mutes.why(address, account_id=account_id, macro_id=macro_id, day=day)
        if why:
            left_out[address] = why
        else:
            readers.append(Reader(address, Via.TEAM_LEAD))
    if not readers:
        readers = [Reader(address, Via.OPERATOR) for address in directory.operators]
    return Told(readers, left_out)
