"""What rules are asked with: an account and what was told of it, a rule, a span of days. Pure: no database, no clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from macros.notices.readers import Directory, Told, who_is_told

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
    person: str | None  # whose address
    team_id: int | None  # which owns it
    kind: str
    renews: bool = False  # by itself, without a person

    @property
    def known_since(self) -> datetime:
        """Since when its date is known, which no renewal moves. One whose issue nobody told may be of any age."""
        return min(self.cycle_since, self.issued_at or LONG_AGO)

    def lasts(self, until: datetime) -> bool:
        """Return whether it can be used until then. One that ends on a day that nobody knows does not last."""
        if self.state == "dead" or self.access != "ok" or self.can_publish == "no":
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

    def is_dark(self, now: datetime) -> bool:
        """Return whether only a person can help, or nothing serves it for an hour, whatever its log-ins wait for."""
        return self.state == "deactivated" or (self.state == "interrupted" and self.since <= now - DARK_AFTER)

    def people(self, directory: Directory, log_ins: Sequence[LogIn] | None = None) -> list[str]:
        """Return the addresses of those who linked it, or of these log-ins: each can save it. Of a system user it is the team that owns
        its token.
        """
        found: dict[str, None] = {}
        owners = set()
        for one in self.log_ins if log_ins is None else log_ins:
            if one.person:
                found[one.person] = None
            if one.kind == "system" and one.team_id:
                owners.add(one.team_id)
        for team in sorted(owners):
            found.update(dict.fromkeys(directory.members.get(team, ())))
        return list(found)

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
        people = account.people(directory, log_ins) if self.notify_consenters else ()
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
