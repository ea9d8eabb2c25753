"""What rules are asked with: an account and what was told of it, a rule, a span of days. Pure: no database, no clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from accounts.pool.rules import reason_of_entry
from macros.notices.readers import Directory, Told, who_is_told
from tokens.channels import registry
from tokens.channels.kinds import AN_ADMIN_HELPS, AN_APPEAL_HELPS
from tokens.models import Token

LONG_AGO = datetime.min.replace(tzinfo=UTC)
DARK_AFTER = timedelta(hours=1)  # an account that is interrupted for so long is dark
AGAIN = timedelta(hours=1)  # within which a shortage that recovers and comes back is told once
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
    native_user_id: str
    person_id: int | None
    access_reason: str = ""
    doubt: str = ""
    role: str = ""  # the channel's own word
    state_since: datetime = LONG_AGO
    state_reason: str = ""
    renews: bool = False  # by itself, without a person
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

    def lasts(self, until: datetime) -> bool:
        """Return whether it can be used until then. One that ends on a day that nobody knows does not last."""
        if not self.living:
            return False
        return (
            self.deadline_kind == "never"
            or self.renews
            or (self.deadline is not None and self.deadline >= until)
        )


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


class Before(NamedTuple):
    """What one reader was told at once of an account, or is about to be."""

    kind: str
    recipient: str
    at: datetime
    event: int = 0
    token_id: int | None = None
    dark: bool = False
    is_open: bool = False  # its reader waits to hear that it is over
    waits: bool = False  # its mail has not left


class Short(NamedTuple):
    """A shortage of people that goes on, or began within the hour."""

    pk: int
    account_id: int
    action_id: int
    people: int
    began_at: datetime
    over_at: datetime | None


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
    shortages: list[Short] = field(default_factory=list)
    # Of one that is dark:
    was_connected: bool = True  # it ever had a log-in
    heard: set[str] = field(default_factory=set)  # whom any mail told, or is about to
    heard_on: date | None = None  # when a mail first did
    # Of one of which is told at once:
    looked_since: datetime = LONG_AGO
    events: Sequence[Happened] = ()  # since then, in order, with the state and restriction before them
    told_at_once: Sequence[Before] = ()
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

    def left_on(self, until: datetime) -> int:
        """Return how many people could carry it until then: native users, or people who consented, whichever are fewer."""
        lasting = [one for one in self.log_ins if one.lasts(until)]
        people = {one.person_id or one.native_user_id for one in lasting}
        return min(len({one.native_user_id for one in lasting}), len(people))


@dataclass(frozen=True)
class Rule:
    """What an action does, stored or of a form that is not saved yet (then `action_id` may be 0)."""

    action_id: int
    macro_id: int
    kind: str
    emails: tuple[str, ...]  # in lower case
    notify_consenters: bool
    days: tuple[
        int, ...
    ] = ()  # ahead, the tightest first; of "nothing happened" those of the macro's warning
    of_token: bool = False  # it watches each log-in, else the account
    scope: str = "all"
    channels: frozenset[str] = frozenset()
    team_id: int | None = None
    excluded: frozenset[int] = frozenset()
    chosen: frozenset[int] | None = None  # accounts of a form; None: as stored
    enabled: bool = True
    people: int = 0  # fewer than so many are told of
    within: int = 0  # days that it looks ahead
    after: int = 0  # days after the first warning
    created_at: datetime = LONG_AGO

    @property
    def is_chosen(self) -> bool:
        """Whether it is for chosen accounts."""
        return self.scope == "chosen"

    def why_not(self, account: AccountFacts) -> str:
        """Return why it does not watch an account, as a code; "" where it does."""
        if not self.enabled:
            return "off"
        if self.team_id is not None and self.team_id != account.team_id:
            return "other_team"
        if account.pk in self.excluded:
            return "left_out_account"
        if self.scope == "channels" and account.channel not in self.channels:
            return "other_channel"
        if self.is_chosen:
            chosen = self.macro_id in account.macros if self.chosen is None else account.pk in self.chosen
            return "" if chosen else "not_applied"
        return ""

    def readers(
        self,
        account: AccountFacts,
        directory: Directory,
        *,
        log_ins: Sequence[LogIn] | None = None,
        day: date | None = None,
    ) -> Told:
        """Return who is told of an account, or of these of its log-ins, on a day (None: now); and whom it names that is not."""
        people = account.people(log_ins) if self.notify_consenters else ()
        return who_is_told(
            (*self.emails, *people),
            account_id=account.pk,
            team_id=account.team_id,
            macro_id=self.macro_id,
            directory=directory,
            day=day,
        )


class Rules:
    """Rules, found by the macros of an account: most are for chosen accounts, and not asked of all others."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._wide: list[Rule] = []
        self._by_macro: dict[int, list[Rule]] = {}
        for rule in rules:
            if rule.is_chosen and rule.chosen is None:
                self._by_macro.setdefault(rule.macro_id, []).append(rule)
            else:
                self._wide.append(rule)

    def of(self, account: AccountFacts) -> list[Rule]:
        """Return those that may watch an account."""
        chosen = (rule for macro in account.macros for rule in self._by_macro.get(macro, ()))
        return [*self._wide, *chosen]


@dataclass(frozen=True)
class World:
    """Some accounts, and all that decides who is told of them."""

    accounts: Mapping[int, AccountFacts]
    rules: Sequence[Rule] = ()
    directory: Directory = field(default_factory=Directory)

    def watching(self, account: AccountFacts, kind: str = "") -> list[Rule]:
        """Return the rules of a kind ("": of any) that watch an account."""
        return [one for one in self.rules if kind in {"", one.kind} and not one.why_not(account)]

    def may_hear(self, account: AccountFacts, address: str) -> bool:
        """Return whether an account concerns an address, whatever it snoozed: it may be another team's since it was told of it.

        A person whom it concerns sees it, or can renew a log-in of it. Others are named by a macro that watches it, or are operators.
        """
        places = self.directory
        if address in places.operators:
            return True
        if address in places.gone:
            return False
        if address in places.see_all or address in places.members.get(account.team_id, ()):
            return True
        if address in account.people():
            return True
        return any(address in one.emails and not one.why_not(account) for one in self.rules)


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
